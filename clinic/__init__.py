"""The Django project: settings, addresses, log masking and system checks."""
