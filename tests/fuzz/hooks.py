"""What Schemathesis must know of Kith that no JSON Schema can say, and a count of what it did.

Each function of `EXCEPTIONS` is one thing that Kith does on purpose though a check takes it for a
defect. It is as narrow as the answer allows: the check, the request and the code of the refusal. No
check is switched off.
"""

import atexit
import json
import os
import re
import urllib.request
from collections import Counter

import schemathesis
from schemathesis.openapi.checks import RejectedPositiveData, UseAfterFree

# Pairs of pointer and rule: what the tests over HTTP, too, know that a schema cannot say.
UNSAYABLE = {tuple(pair) for pair in json.loads(os.environ["KITH_FUZZ_UNSAYABLE"])}

CHANGE_PASSWORD = "POST /api/v1/auth/password"
RESET_PASSWORD = "POST /api/v1/auth/password/reset"
VERIFY_EMAIL = "POST /api/v1/auth/email/verify"
UNSAYABLE_OPERATIONS = {
    "POST /api/v1/auth/register",
    "POST /api/v1/posts",
    "POST /api/v1/setup",
    "POST /api/v1/auth/email",
    "POST /api/v1/auth/password/forgot",
    CHANGE_PASSWORD,
    RESET_PASSWORD,
}
MAIL_TOKEN_OPERATIONS = {RESET_PASSWORD, VERIFY_EMAIL}

# What the links of mails carry to somebody who does not sign in, each good once, after the one before it.
mail_tokens = json.loads(os.environ["KITH_FUZZ_MAIL_TOKENS"])


def body_of(response):
    """Its members, if it is a JSON object."""
    try:
        body = response.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def is_made_up_cursor(failure, case, response):
    """A cursor bears a code that only Kith can make: one that only looks like it is refused."""
    return (
        isinstance(failure, RejectedPositiveData)
        and response.status_code == 400
        and body_of(response).get("code") == "malformed_cursor"
        and "cursor" in (case.query or {})
    )


def is_key_of_another_request(failure, case, response):
    """A key names one request: sent with another body it is refused, as the standard to come demands."""
    return (
        isinstance(failure, RejectedPositiveData)
        and response.status_code == 422
        and body_of(response).get("code") == "idempotency_key_reused"
        and "Idempotency-Key" in (case.headers or {})
    )


def is_other_version(failure, case, response):
    """What is to be changed has one version: any other that only looks like one is refused."""
    return (
        isinstance(failure, RejectedPositiveData)
        and response.status_code == 412
        and body_of(response).get("code") == "precondition_failed"
        and "If-Match" in (case.headers or {})
    )


def is_made_up_mail_token(failure, case, response):
    """What a mail's link carries bears a code that only Kith can make: one that only looks like it is refused."""
    return (
        isinstance(failure, RejectedPositiveData)
        and response.status_code == 422
        and body_of(response).get("code") == "invalid_mail_token"
        and case.operation.label in MAIL_TOKEN_OPERATIONS
    )


def is_unsayable_rule(failure, case, response):
    """Reserved names, an e-mail's grammar, a password that is the name, what is what it was, a post that is not there: no schema can say them."""
    broken = body_of(response).get("errors", [])
    return (
        isinstance(failure, RejectedPositiveData)
        and response.status_code == 422
        and case.operation.label in UNSAYABLE_OPERATIONS
        and bool(broken)
        and all((rule["pointer"], rule["code"]) in UNSAYABLE for rule in broken)
    )


def is_like_taken_back(failure, case, response):
    """What `DELETE …/like` deletes is the like: the post above it stays."""
    return isinstance(failure, UseAfterFree) and failure.free.endswith("/like")


EXCEPTIONS = [
    is_made_up_cursor,
    is_key_of_another_request,
    is_other_version,
    is_made_up_mail_token,
    is_unsayable_rule,
    is_like_taken_back,
]

# What bears a code that only Kith can make, by where it was issued. A made-up one that looks right would have
# the request refused before it did anything, so one that was issued takes its place.
BOOKMARK = "D1-Bookmark"
bookmarks = {}
cursors = {}
LOOKS_RIGHT = re.compile("[A-Za-z0-9_-]{22,512}")
# One that proves the address of somebody there; and what looks like one, as the document's example does.
MAIL_TOKEN = os.environ["KITH_FUZZ_MAIL_TOKEN"]
LOOKS_LIKE_MAIL_TOKEN = re.compile("[A-Za-z0-9_-]+[.][A-Za-z0-9_-]+")
refresh_tokens = {}
LOOKS_LIKE_A_REFRESH_TOKEN = re.compile("[0-9a-f-]{36}[.][0-9]+[.][A-Za-z0-9_-]+[.][A-Za-z0-9_-]+")

# Those who sign in. An admin among them must not take away from either what the rest of the run needs, so
# somebody else is promoted, demoted and suspended in their place.
PEERS = json.loads(os.environ["KITH_FUZZ_PEERS"])
STAND_IN = "mira"
TO_STAND_IN = {"PATCH /api/v1/admin/users/{username}", "PUT /api/v1/follow-requests/{username}"}

# What there must be for something to be done to it: one's own post, and a report of a post that is open.
CREATE_POST = "POST /api/v1/posts"
UPDATE_POST = "PUT /api/v1/posts/{id}"
REPORT = "POST /api/v1/reports"
RESOLVE = "POST /api/v1/admin/reports/{id}/resolve"
own_posts = {}
open_reports = json.loads(os.environ["KITH_FUZZ_REPORTS"])
LOOKS_LIKE_A_USERNAME = re.compile("[A-Za-z0-9_]{3,30}")
LOOKS_LIKE_AN_ID = re.compile("[0-9a-f-]{36}")

tally = {
    "cases": 0,
    "operations": Counter(),
    "phases": Counter(),
    "modes": Counter(),
    "exceptions": Counter(),
}


@schemathesis.hook
def filter_failure(context, failure, case, response):
    """Whether it is a finding."""
    for exception in EXCEPTIONS:
        if exception(failure, case, response):
            tally["exceptions"][exception.__name__] += 1
            return False
    return True


def replace(sent, name, issued, looks_right=LOOKS_RIGHT):
    """Puts what was issued, if anything was, in the place of what only looks like it."""
    # Where nothing is sent, it is no mapping.
    value = sent.get(name) if hasattr(sent, "get") else None
    if issued is not None and isinstance(value, str) and looks_right.fullmatch(value):
        sent[name] = issued


def list_of(case):
    """A list, as the one who asks sees it."""
    return (case.auth_identity, case.formatted_path)


@schemathesis.hook
def before_call(context, case, kwargs):
    """Sends what was issued. What looks wrong goes as it is."""
    if bookmarks:
        replace(case.headers, BOOKMARK, bookmarks["latest"])
    elif LOOKS_RIGHT.fullmatch((case.headers or {}).get(BOOKMARK) or ""):
        # None was issued yet: what comes first may be what only who is signed in can ask.
        del case.headers[BOOKMARK]
    replace(case.query, "cursor", cursors.get(list_of(case)))
    replace(case.body, "refresh_token", refresh_tokens.get("latest"), LOOKS_LIKE_A_REFRESH_TOKEN)
    if case.operation.label in TO_STAND_IN:
        whom = (case.path_parameters or {}).get("username")
        if isinstance(whom, str) and whom.lower() in PEERS:
            case.path_parameters["username"] = STAND_IN
    if case.operation.label == REPORT:
        # Nobody reports themselves.
        replace(case.body, "username", STAND_IN, LOOKS_LIKE_A_USERNAME)
    if case.operation.label == UPDATE_POST:
        replace(case.path_parameters, "id", own_posts.get(case.auth_identity), LOOKS_LIKE_AN_ID)
    if case.operation.label == RESOLVE:
        replace(case.path_parameters, "id", next(iter(open_reports), None), LOOKS_LIKE_AN_ID)
    if case.operation.label == VERIFY_EMAIL:
        replace(case.body, "token", MAIL_TOKEN, LOOKS_LIKE_MAIL_TOKEN)
    if case.operation.label == RESET_PASSWORD:
        replace(case.body, "token", next(iter(mail_tokens), None), LOOKS_LIKE_MAIL_TOKEN)


@schemathesis.hook
def after_call(context, case, response):
    """Keeps what was issued."""
    for bookmark in response.headers.get(BOOKMARK.lower(), []):
        bookmarks["latest"] = bookmark
    refresh_token = body_of(response).get("refresh_token")
    if refresh_token is not None:
        refresh_tokens["latest"] = refresh_token
    cursor = body_of(response).get("next_cursor")
    if cursor is not None:
        cursors[list_of(case)] = cursor
    if response.status_code == 201 and case.operation.label == CREATE_POST:
        own_posts[case.auth_identity] = body_of(response)["id"]
    if response.status_code == 200 and case.operation.label == RESOLVE and open_reports:
        del open_reports[0]
    # Of such a path, another method may have been asked for: `OPTIONS` is answered so too.
    if response.status_code == 204 and response.request.method == "POST":
        if case.operation.label == RESET_PASSWORD:
            del mail_tokens[0]
        if case.operation.label == CHANGE_PASSWORD:
            change_back(case, response.request)


def change_back(case, asked):
    """Gives whoever asked their old password back, and a session: the next case signs in by the one, and
    their other sessions have ended."""
    old, new = case.body["current_password"], case.body["new_password"]
    authorization = {"Authorization": asked.headers["Authorization"]}
    ask(asked.url, {"current_password": new, "new_password": old}, authorization)
    credentials = {"username": case.auth_identity, "password": old}
    tokens = ask(asked.url.replace("/password", "/login"), credentials)
    refresh_tokens["latest"] = json.loads(tokens)["refresh_token"]


def ask(url, body, headers=None):
    """What is answered to a request that must succeed."""
    headers = {"Content-Type": "application/json", **(headers or {})}
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request) as answer:
        return answer.read()


@schemathesis.check
def is_counted(ctx, response, case):
    """No check but a count: whatever comes here has been held to all checks."""
    tally["cases"] += 1
    tally["operations"][case.operation.label] += 1
    if case.meta is not None:
        tally["phases"][case.meta.phase.name.value] += 1
        tally["modes"][case.meta.generation.mode.value] += 1


@atexit.register
def write_tally():
    """Where the harness reads it."""
    with open(os.environ["KITH_FUZZ_TALLY"], "w", encoding="utf-8") as file:
        json.dump(tally, file)
