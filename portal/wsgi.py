"""WSGI application: pages and API at WSGI cost on one port (docs/adr/0002)."""

import os

from django.conf import settings
from django.core.wsgi import get_wsgi_application

from portal.environment import require_secret_key

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
require_secret_key(settings.SECRET_KEY)
application = get_wsgi_application()
