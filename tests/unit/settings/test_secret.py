from __future__ import annotations

import base64
import json
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from busta_health_dagster import settings
from busta_health_dagster.domain.errors import MissingSecret
from busta_health_dagster.domain.fields import SecretRef

VALUES = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=8, max_size=60).filter(
    lambda v: v.strip() == v and "secret" not in v
)


def test_a_secret_comes_from_the_environment_or_a_file_without_its_trailing_newline(tmp_path):
    (tmp_path / "key").write_text("from-file\n")
    secrets = settings.Secrets({"KEY": "from-env\n"}, tmp_path)
    assert secrets(SecretRef(env="KEY")) == "from-env"
    assert secrets(SecretRef(file="key")) == "from-file"
    assert secrets(SecretRef(file=str(tmp_path / "key"))) == "from-file"


@pytest.mark.parametrize(
    "ref",
    [
        SecretRef(env="GONE"),
        SecretRef(env="EMPTY"),
        SecretRef(file="gone"),
        SecretRef(file="empty"),
        SecretRef(file="."),
    ],
)
def test_a_missing_secret_names_itself_and_the_remedy(tmp_path, ref):
    (tmp_path / "empty").write_text("\n")
    with pytest.raises(MissingSecret, match=rf"{ref.env or ref.file}.*\. (Set it|Create it|Write)"):
        settings.Secrets({"EMPTY": ""}, tmp_path)(ref)


@given(VALUES, st.text(max_size=20), st.text(max_size=20))
def test_a_resolved_value_survives_in_no_text_however_it_is_encoded(value, before, after):
    secrets = settings.Secrets({"KEY": value})
    secrets(SecretRef(env="KEY"))
    pair = base64.b64encode(f"user:{value}".encode()).decode()
    for form in (value, quote(value), quote_plus(value), quote(value, safe=""), json.dumps(value)[1:-1]):
        assert form not in secrets.scrub(f"{before} {form} {after}").replace("[secret]", "\0")
    assert pair not in secrets.scrub(f"Authorization: Basic {pair}")
    assert base64.b64encode(value.encode()).decode().rstrip("=")[:-1] not in secrets.scrub(
        base64.b64encode(value.encode()).decode()
    )


def test_the_password_of_a_url_and_its_key_are_scrubbed_on_their_own():
    secrets = settings.Secrets({"URL": "postgresql://busta:p%40ssw0rd@db/x?sslmode=require&token=abcd1234"})
    secrets(SecretRef(env="URL"))
    assert secrets.scrub("p@ssw0rd p%40ssw0rd abcd1234 busta require") == "[secret] [secret] [secret] busta require"


def test_a_very_short_value_garbles_nothing():
    secrets = settings.Secrets({"KEY": "a"})
    secrets(SecretRef(env="KEY"))
    assert secrets.scrub("a banana") == "a banana"


def test_missing_and_learn_look_through_the_whole_configuration(design):
    config = design.config()
    secrets = settings.Secrets({"ODDS_API_KEY": "top-secret-key"})
    assert secrets.missing(config) == (
        "{env: WAREHOUSE_URL}",
        "{env: SLACK_BOT_TOKEN}",
        "{env: SMTP_USER}",
        "{env: SMTP_PASSWORD}",
        "{env: OPS_HOOK_SECRET}",
        "{env: PAGERDUTY_ROUTING_KEY}",
    )
    fresh = settings.Secrets({"ODDS_API_KEY": "top-secret-key"})
    fresh.learn(config)
    assert fresh.scrub("x-api-key: top-secret-key") == "x-api-key: [secret]"
