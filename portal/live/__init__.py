"""What runs beside Django in the web processes: event streams at /live/, and the bridge to everything else.

`changes` what PostgreSQL tells · `hub` to whom it is passed on · `listening` the one LISTEN connection ·
`standing` who may listen · `stream` the HTTP of it · `bridge` Django's WSGI application under ASGI (docs/adr/0007).
"""
