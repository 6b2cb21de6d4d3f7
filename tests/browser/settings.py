"""A trial installation in a folder of its own, so that no other one of this clone hears its wake-ups."""

import os
from pathlib import Path

from config.settings import *  # noqa: F403
from config.settings import CELERY_BROKER_TRANSPORT_OPTIONS, DATABASES

_folder = Path(os.environ["EARSHOT_BROWSER_FOLDER"])
DATABASES["default"]["NAME"] = str(_folder / "earshot.sqlite3")
for _name, _option in (("queue", "data_folder_in"), ("queue", "data_folder_out"), ("control", "control_folder")):
    (_folder / _name).mkdir(exist_ok=True)
    CELERY_BROKER_TRANSPORT_OPTIONS[_option] = str(_folder / _name)
