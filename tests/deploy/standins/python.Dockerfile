# Stands in for the official Python image: Debian's Python under the official one's name and place.
FROM tocsin-standin-debian
RUN ln -s /usr/bin/python3 /usr/local/bin/python3 && ln -s python3 /usr/local/bin/python
CMD ["python3"]
