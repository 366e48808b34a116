# Stands in for the official Python image: a Python built elsewhere, put where the official one has its own.
FROM tocsin-standin-debian
COPY prefix /usr/local
RUN ldconfig && ln -sf python3 /usr/local/bin/python && python -c 'import ssl, sqlite3, ctypes, lzma, bz2, ensurepip'
CMD ["python3"]
