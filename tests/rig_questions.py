"""What the real server and the embedded one are both asked.

In a target, ``{now}`` is the resourceVersion of a list made just before, ``{middle}`` that of a
change in the middle of the recording so far, ``{first}`` where it begins, ``{old}`` one that etcd
has compacted, ``{near}`` one that the coming changes pass, ``{far}`` one that nothing reaches.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

PODS: Final = "/api/v1/namespaces/crit-b/pods"
MAPS: Final = "/api/v1/namespaces/crit-b/configmaps"
LONGER: Final = "/api/v1/namespaces/crit-b-x/configmaps"
ALL: Final = "/api/v1/configmaps"
DEPLOYMENTS: Final = "/apis/apps/v1/namespaces/crit-b/deployments"

LABEL_SELECTORS: Final = (
    "app=web", "app==web", "app!=web", "app in (web,db)", "app notin (web)", "app", "!app",
    "app=web,tier=front", "app=", "app in (web,)", "size>3", "size<3", "app=nobody",
    "example.com/a=b", "app=web,app=db", "app in ()", "app notin ()",
)  # fmt: skip
WRONG_LABEL_SELECTORS: Final = (
    "app=web=db", "=web", "app in", "app in (a", "app=wéb", "app=-web", "a//b", ",",
    "app,", "size>x", "app in (a,b", "(app)", "app ! web", "app=" + "x" * 64, "A_B/c", "-a", "a/",
    "/a", "x" * 64 + "=1", "p" * 254 + "/a=1", "app in (-x,y,-z)", "-a in (-b)", "size>-x-",
)  # fmt: skip
POD_FIELDS: Final = (
    "metadata.name=m", "metadata.name!=m", "metadata.name==m", "metadata.namespace=crit-b",
    "status.phase=Running", "status.phase!=Running", "spec.nodeName=n1", "spec.nodeName=",
    "spec.restartPolicy=Always", "spec.schedulerName=default-scheduler",
    "spec.serviceAccountName=", "spec.hostNetwork=false", "status.podIP=",
    "status.nominatedNodeName=", "metadata.name=m,status.phase=Pending", "metadata.name=m,",
)  # fmt: skip
WRONG_FIELDS: Final = (
    "foo=bar", "metadata.uid=1", "metadata.labels=1", "spec.foo=1", "metadata.name", "=m",
    "metadata.name=a=b", "metadata.name=a\\b", "metadata.name=m\\",
)  # fmt: skip


def _where(selector: str, kind: str) -> str:
    return f"{kind}={quote(selector)}"


AT_ONCE: Final = (
    # Lists, over two namespaces of which one is a prefix of the other.
    PODS, MAPS, LONGER, ALL, DEPLOYMENTS, "/api/v1/pods", "/apis/apps/v1/deployments",
    "/api/v1/namespaces/nobody/pods", f"{MAPS}?watch=false", f"{MAPS}?watch=0",
    f"{MAPS}?watch=False", f"{MAPS}?unknown=1&labelSelector=app%3Dweb&labelSelector=app%3Ddb",
    *(f"{ALL}?{_where(one, 'labelSelector')}" for one in LABEL_SELECTORS),
    *(f"{MAPS}?{_where(one, 'labelSelector')}" for one in WRONG_LABEL_SELECTORS),
    *(f"/api/v1/pods?{_where(one, 'fieldSelector')}" for one in (*POD_FIELDS, *WRONG_FIELDS)),
    *(
        f"{MAPS}?{_where(one, 'fieldSelector')}"
        for one in ("metadata.name=m", "metadata.namespace!=crit-b", *WRONG_FIELDS)
    ),
    f"{DEPLOYMENTS}?fieldSelector=foo%3D1",
    f"{MAPS}?labelSelector=app%3Dweb&fieldSelector=metadata.name%3Dm",
    # Where a list starts.
    *(f"{MAPS}?resourceVersion={one}" for one in ("", "0", "{now}", "{first}", "{old}", "00")),
    *(
        f"{MAPS}?resourceVersion={one}&resourceVersionMatch={match}"
        for one in ("", "0", "{now}", "{first}", "{old}", "abc")
        for match in ("Exact", "NotOlderThan", "Newest", "")
    ),
    *(
        f"{MAPS}?resourceVersion={one}"
        for one in ("abc", "-1", "1.5", "%2B1", "18446744073709551616", "%201")
    ),
    *(f"{MAPS}?resourceVersion={{far}}&resourceVersionMatch={one}" for one in ("", "NotOlderThan")),
    f"{MAPS}?resourceVersion={{far}}&resourceVersionMatch=Exact",
    f"{MAPS}?resourceVersion={{far}}&limit=1",
    # Pages.
    *(f"{MAPS}?limit={one}" for one in ("1", "2", "0", "500", "-1", "abc", "", "1.5")),
    f"{ALL}?limit=2", f"{MAPS}?limit=1&resourceVersion=0",
    f"{MAPS}?limit=1&resourceVersion={{now}}",
    f"{MAPS}?limit=1&resourceVersion={{old}}",
    f"{MAPS}?limit=1&resourceVersion={{now}}&resourceVersionMatch=NotOlderThan",
    f"{MAPS}?limit=1&resourceVersion={{now}}&resourceVersionMatch=Exact",
    f"{MAPS}?limit=1&labelSelector=app%3Dweb", f"{MAPS}?continue=abc", f"{MAPS}?continue=%25",
    f"{MAPS}?continue=e30", f"{MAPS}?continue=abc&resourceVersion=5",
    f"{MAPS}?continue=abc&resourceVersionMatch=Exact",
    f"{MAPS}?continue=abc&resourceVersion=5&resourceVersionMatch=Exact",
    *(
        f"{MAPS}?continue={one}"
        for one in (
            "e", "ab$c", "eyJ2Ij", "IHt9", "eyJ2IjoibWV0YS5rOHMuaW8vdjEifQ",
            "eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MCwic3RhcnQiOiIvbVx1MDAwMCJ9",
            "eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MjAwLCJzdGFydCI6Ii4uL20ifQ",
            "eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6OTk5OTk5OTksInN0YXJ0IjoiL21cdTAwMDAifQ",
            "{old_token}&resourceVersion=5", "{old_token}&resourceVersion=0", "{old_token}",
            "abc&fieldSelector=foo%3D1", "abc&labelSelector=%3D", "abc&resourceVersion=abc",
        )
    ),
    f"{MAPS}?sendInitialEvents=true", f"{MAPS}?sendInitialEvents=false",
    f"{MAPS}?sendInitialEvents=true&resourceVersionMatch=NotOlderThan",
    f"{MAPS}?resourceVersionMatch=Foo&sendInitialEvents=true",
    *(f"{MAPS}?timeoutSeconds={one}" for one in ("abc", "1.5", "", "9223372036854775808")),
    # One object.
    f"{PODS}/m", f"{MAPS}/m", f"{MAPS}/nobody", f"{DEPLOYMENTS}/d", f"{DEPLOYMENTS}/nobody",
    f"{MAPS}/m?watch=1", f"{MAPS}/m?watch=1&timeoutSeconds=1&labelSelector=%3D",
    *(
        f"{MAPS}/m?resourceVersion={one}"
        for one in ("", "0", "{now}", "{first}", "{old}", "{far}", "abc", "-1")
    ),
    f"{MAPS}/nobody?resourceVersion=0", "/api/v1/namespaces/nobody/configmaps/m",
    # What is not there.
    "/api/v1/namespaces/crit-b/nothings", "/api/v1/nothings", "/api/v1/nothings/a",
    "/apis/apps/v1/nothings", "/apis/nothing/v1/pods", "/api/v2/pods", "/apis/apps/v7/deployments",
    "/nothing", "/nothing/at/all", "/api/v1/namespaces/crit-b/configmaps/m/nothing",
    "/api/v1/configmaps/m", "/api/v1/namespaces/crit-b/configmaps/m/a/b",
    "/apis/apps/v1/configmaps",
    # A watch that is refused, or over at once.
    *(f"{MAPS}?watch=1&resourceVersion={one}" for one in ("abc", "-1", "1.5")),
    *(f"{MAPS}?watch=1&timeoutSeconds={one}" for one in ("abc", "1.5", "", "9" * 20)),
    f"{MAPS}?watch=1&sendInitialEvents=true", f"{MAPS}?watch=1&sendInitialEvents=false",
    f"{MAPS}?watch=1&resourceVersionMatch=NotOlderThan",
    f"{MAPS}?watch=1&resourceVersionMatch=Exact&resourceVersion={{now}}",
    f"{MAPS}?watch=1&sendInitialEvents=true&resourceVersionMatch=Exact",
    f"{MAPS}?watch=1&sendInitialEvents=true&resourceVersionMatch=Foo",
    f"{MAPS}?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&continue=abc",
    f"{MAPS}?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&resourceVersion=abc",
    f"{MAPS}?watch=1&sendInitialEvents=abc",
    f"{MAPS}?watch=1&labelSelector=%3D",
    f"{PODS}?watch=1&fieldSelector=foo%3D1",
    f"{MAPS}?watch=1&fieldSelector=foo%3D1", f"{MAPS}?watch=1&limit=abc",
    f"{MAPS}?watch=1&limit=abc&timeoutSeconds=abc&labelSelector=%3D",
    *(
        f"{MAPS}?watch=1&sendInitialEvents=true&{one}"
        for one in ("labelSelector=%3D", "fieldSelector=a", "fieldSelector=foo%3D1")
    ),
    f"{MAPS}?labelSelector=%3D&fieldSelector=a",
    f"{MAPS}?watch=1&continue=abc&resourceVersion=0",
    "/api/v1/watch/namespaces/crit-b/nothings", "/api/v1/namespaces/crit-b/nothings?watch=1",
)  # fmt: skip
"""Asked while nothing changes."""

OTHER_METHODS: Final = (
    ("PUT", MAPS), ("PATCH", MAPS), ("POST", f"{MAPS}/m"), ("HEAD", MAPS), ("HEAD", f"{MAPS}/m"),
    ("PUT", ALL), ("PUT", "/api/v1/watch/namespaces/crit-b/configmaps"), ("POST", "/nothing"),
    ("PUT", "/api/v1/nothings"), ("OPTIONS", MAPS), ("TRACE", MAPS), ("FOO", MAPS),
)  # fmt: skip

SECONDS: Final = 6
"""So long lives a watch that is open while things change."""
INITIAL: Final = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan"
MARKS: Final = "allowWatchBookmarks=true"

WHILE_CHANGING: Final = tuple(
    f"{target}{'&' if '?' in target else '?'}timeoutSeconds={SECONDS}"
    for target in (
        *(f"{one}?watch=1" for one in (PODS, MAPS, LONGER, ALL, DEPLOYMENTS, "/api/v1/pods")),
        *(f"{MAPS}?watch={one}" for one in ("", "true", "abc", "1&watch=0")),
        "/api/v1/namespaces/nobody/configmaps?watch=1",
        *(
            f"{where}?watch=1&resourceVersion={one}"
            for where in (MAPS, ALL, PODS)
            for one in ("", "0", "{now}", "{middle}", "{first}", "{old}", "{near}", "{far}")
        ),
        *(
            f"{MAPS}?watch=1&{MARKS}&resourceVersion={one}"
            for one in ("", "0", "{now}", "{middle}", "{near}", "{far}", "{old}")
        ),
        f"{PODS}?watch=1&{MARKS}",
        f"{DEPLOYMENTS}?watch=1&{MARKS}",
        f"{MAPS}?watch=1&{MARKS}&labelSelector=app%3Dnobody&resourceVersion={{now}}",
        f"{MAPS}?watch=1&{MARKS}&labelSelector=app%3Dnobody",
        *(
            f"{ALL}?watch=1&{_where(one, 'labelSelector')}&resourceVersion={version}"
            for one in ("app=web", "app!=web", "app in (web,db)", "!app", "app=web,tier=front")
            for version in ("", "{now}", "{middle}")
        ),
        *(
            f"/api/v1/pods?watch=1&{_where(one, 'fieldSelector')}&resourceVersion={version}"
            for one in ("metadata.name=m", "status.phase=Running", "metadata.namespace=crit-b")
            for version in ("", "{now}")
        ),
        f"{MAPS}?watch=1&fieldSelector=metadata.name%3Dm&labelSelector=app%3Dweb",
        f"{MAPS}?watch=1&limit=1",
        f"{MAPS}?watch=1&continue=abc",
        "/api/v1/watch/namespaces/crit-b/configmaps?a=b",
        "/api/v1/watch/namespaces/crit-b/configmaps/m?a=b",
        "/api/v1/watch/configmaps?resourceVersion={now}",
        "/api/v1/watch/namespaces/crit-b/configmaps?watch=false",
        *(
            f"{MAPS}?watch=1&{INITIAL}&{marks}&resourceVersion={one}"
            for marks in ("", MARKS)
            for one in ("", "0", "{now}", "{middle}", "{old}", "{far}")
        ),
        f"{MAPS}?watch=1&{INITIAL}&{MARKS}&labelSelector=app%3Dweb",
        *(
            f"{MAPS}?watch=1&sendInitialEvents=false&resourceVersionMatch=NotOlderThan"
            f"&{MARKS}&resourceVersion={one}"
            for one in ("", "0", "{now}", "{old}")
        ),
    )
)
"""Asked before things change, and open until nothing changes any more."""
