"""Settings of the classify service. Apart from settings.py, because the command needs neither Kafka nor Faust."""

from pydantic import Field

from tocsin_classify.settings import InferenceSettings
from tocsin_contracts.worker import WorkerSettings


class ClassifySettings(WorkerSettings, InferenceSettings):
    """Kafka, batches, the model, and where health is answered."""

    classify_health_host: str = Field(default="127.0.0.1", min_length=1, max_length=253)
    classify_health_port: int = Field(default=8081, ge=1, le=65_535)
