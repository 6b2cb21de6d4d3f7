from django.apps import AppConfig
from django.conf import settings

from config.wording import speak_of


class ConfigConfig(AppConfig):
    name = "config"

    def ready(self) -> None:
        for language, _name in settings.LANGUAGES:
            speak_of(settings.FAMILY_WORD, settings.FAMILY_WORD_PLURAL, language)
