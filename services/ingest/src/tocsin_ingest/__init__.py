"""Takes articles from feeds, HTTP pushes and files onto Kafka."""
