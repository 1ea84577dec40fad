"""Configuration: YAML and environment in, domain out. `load` gives a Config or every problem at once; `diagnose` is
the doctor.

Kept light: pydantic and PyYAML only (dateutil when a recurrence is read); probes and channels come in as registries
of models.
"""

from busta_health_dagster.settings.config import FILES, Config, tick_of
from busta_health_dagster.settings.files import fingerprint
from busta_health_dagster.settings.included import marks
from busta_health_dagster.settings.loading import Diagnosis, diagnose, load
from busta_health_dagster.settings.locate import find_config_dir
from busta_health_dagster.settings.reload import Reload, Reloader, keep_copy
from busta_health_dagster.settings.schema import schemas
from busta_health_dagster.settings.secret import MASK, Secrets, secret_refs
from busta_health_dagster.settings.settings_model import Settings
from busta_health_dagster.settings.show import show, show_yaml

__all__ = [
    "FILES",
    "MASK",
    "Config",
    "Diagnosis",
    "Reload",
    "Reloader",
    "Secrets",
    "Settings",
    "diagnose",
    "find_config_dir",
    "fingerprint",
    "keep_copy",
    "load",
    "marks",
    "schemas",
    "secret_refs",
    "show",
    "show_yaml",
    "tick_of",
]
