"""What a task, a step and a session are, in this project's words, whatever contract the server speaks."""

from browser_use_client.models.files import OutputFile, UploadSlot
from browser_use_client.models.pages import Page, Unreadable
from browser_use_client.models.profiles import AgentProfile, BrowserProfile, Profile
from browser_use_client.models.requests import AgentSettings, BrowserSettings, CreateTaskRequest, CustomProxy, Place
from browser_use_client.models.sessions import Account, Session, SessionCost, Share
from browser_use_client.models.tasks import AnyTask, CreatedTask, Overview, Progress, Step, Task, TaskState, id_of

__all__ = [
    "Account",
    "AgentProfile",
    "AgentSettings",
    "AnyTask",
    "BrowserProfile",
    "BrowserSettings",
    "CreateTaskRequest",
    "CreatedTask",
    "CustomProxy",
    "OutputFile",
    "Overview",
    "Page",
    "Place",
    "Profile",
    "Progress",
    "Session",
    "SessionCost",
    "Share",
    "Step",
    "Task",
    "TaskState",
    "Unreadable",
    "UploadSlot",
    "id_of",
]
