"""The steps that a task may be made of. Where a clause has the form of two of them, the first one here is meant."""

from __future__ import annotations

from browser_use_local.script.steps.files import Download, Upload
from browser_use_local.script.steps.forms import Select, Tick, Type, Untick
from browser_use_local.script.steps.moving import Click, GoBack, OpenHighest, OpenLowest, OpenUrl, PressKey, Reload
from browser_use_local.script.steps.reading import CheckText, ReadTable, Report, ReportIt, Wait, WaitForText
from browser_use_local.script.steps.signing_in import SignIn

STEPS = (
    OpenUrl, GoBack, Reload, SignIn, OpenHighest, OpenLowest, PressKey, Type, Select, CheckText, Untick, Tick,
    Upload, Download, Wait, WaitForText, ReportIt, ReadTable, Report, Click,
)  # fmt: skip

__all__ = ["STEPS"]
