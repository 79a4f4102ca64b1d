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

FIELDS_OF_TYPES: Final = {
    "/api/v1/services": (
        "spec.type=ClusterIP", "spec.type!=ClusterIP", "spec.clusterIP=10.0.0.1",
        "spec.clusterIP!=x", "metadata.namespace=crit-b", "foo=1",
    ),
    "/api/v1/nodes": (
        "spec.unschedulable=true", "spec.unschedulable=false", "spec.unschedulable=",
        "metadata.namespace=", "metadata.name=n1", "foo=1",
    ),
    "/api/v1/namespaces": (
        "status.phase=Active", "name=crit-b", "metadata.name=crit-b", "metadata.namespace=",
    ),
    "/api/v1/namespaces/crit-b/secrets": ("type=Opaque", "type!=Opaque", "foo=1"),
    "/api/v1/replicationcontrollers": (
        "status.replicas=0", "status.replicas!=0", "status.replicas=", "foo=1",
    ),
    "/api/v1/namespaces/crit-b/events": (
        "involvedObject.kind=Pod", "involvedObject.name=m", "involvedObject.namespace=crit-b",
        "involvedObject.uid=u1", "involvedObject.uid=", "involvedObject.apiVersion=v1",
        "involvedObject.resourceVersion=7", "involvedObject.fieldPath=spec", "reason=Why",
        "reportingComponent=later", "source=kubelet", "source=later", "type=Warning",
        "regarding.kind=Pod",
    ),
    "/apis/events.k8s.io/v1/namespaces/crit-b/events": (
        "regarding.kind=Pod", "regarding.uid=u1", "reason=Why", "reportingController=later",
        "reportingController=", "type=Warning", "involvedObject.kind=Pod", "source=later",
    ),
    "/apis/batch/v1/jobs": (
        "status.successful=0", "status.successful=", "status.successful!=0", 'f"o=1',
    ),
    "/apis/apps/v1/deployments": ("status.replicas=0", "b=1,a=1"),
    "/apis/example.com/v1/namespaces/crit-b/widgets": ("spec.a=1", "foo=1"),
    "/apis/example.com/v1/gadgets": ("metadata.namespace=", "foo=1"),
    "/api/v1/pods": (
        "spec.host=n1", "spec.host!=n1", "status.podIPs=", "status.podIPs!=",
        "status.podIP=10.1.1.1", "status.podIP=fd00::1", "metadata.name=m, status.phase=Pending",
    ),
    "/api/v1/watch/namespaces/crit-b/pods/m": (
        "metadata.name=x", "spec.nodeName=n1", "metadata.name!=m", "foo=1",
    ),
}  # fmt: skip
"""By path: what each type lets a field selector name, and what it does not."""

STRANGE: Final = (
    *(
        f"{path}?{_where(one, 'fieldSelector')}"
        for path, selectors in FIELDS_OF_TYPES.items()
        for one in selectors
    ),
    # Parameters that cannot be read are not there, and what looks like a fragment is none.
    *(
        f"{MAPS}?{one}"
        for one in (
            "labelSelector=%zz", "%zz", "a=%", "limit=1;x", "limit=1;x&limit=2", "a;b=c",
            "labelSelector=app%3Dweb;limit=1", "Limit=1", "&&", "limit=%31", "limit=%2B1",
        )
    ),
    # What is quoted in an answer.
    *(
        f"{MAPS}?{one}"
        for one in (
            "labelSelector=a%3D%22%5C%07%C2%A0%E2%98%83%F0%9F%98%80%E2%80%8B", "limit=%22",
            "labelSelector=%22app%22%3Dweb", "labelSelector=app%3Dweb%00", "limit=1%0A",
            "resourceVersion=%22", "watch=1&resourceVersion=%22",
            "resourceVersion=1&resourceVersionMatch=%22",
        )
    ),
    f"{MAPS}/m%22x",
    # Slashes.
    "/api/v1/configmaps//", "/api/v1//configmaps", "/api//v1/configmaps", "//api/v1/configmaps",
    "/api/v1/namespaces//configmaps", "/api/v1/namespaces//configmaps/m", "/api/v1/namespaces//",
    "/api/v1/namespaces//nodes", "/api/v1/namespaces//x", "/apis//apps/v1/deployments",
    "/apis/apps//v1/deployments", "/api/v1/watch//configmaps", "/api/v1/namespaces/crit-b//pods",
    f"{MAPS}//m", f"{MAPS}/m/", "//version", "/livez/ping", "/livez/ping/", "/livez/x",
)  # fmt: skip
"""Asked while nothing changes, too."""

_METADATA: Final = tuple(
    f"application/json;as=PartialObjectMetadata{more};v={version};g=meta.k8s.io"
    for more in ("", "List")
    for version in ("v1", "v1beta1")
)
IN_FORMS: Final = tuple(
    (target, accept)
    for target in (
        f"{MAPS}/m", MAPS, f"{MAPS}?limit=1", f"{MAPS}?labelSelector=app%3Dnobody",
        f"{MAPS}/nobody", f"{DEPLOYMENTS}/d", DEPLOYMENTS,
        f"{MAPS}?watch=1&timeoutSeconds=1",
        f"{MAPS}?watch=1&timeoutSeconds=1&allowWatchBookmarks=1&sendInitialEvents=true"
        "&resourceVersionMatch=NotOlderThan",
        "/apis/example.com/v1/gadgets", "/apis/example.com/v1/namespaces/crit-b/widgets/w",
    )
    for accept in (*_METADATA, f"{_METADATA[2]},application/json")
    # The metadata of a custom resource comes with its keys in another order.
    if not (target.endswith("/w") and "List" not in accept)
)  # fmt: skip
"""Asked with an Accept header, while nothing changes."""

HEADS: Final = tuple(
    f"{line}\r\nHost: x\r\nConnection: close\r\n{more}\r\n".encode("latin-1")
    for line, more in (
        ("GET /livez HTTP/1.1\r\n X: 1", ""),
        *(
            ("GET /livez HTTP/1.1", more)
            for more in (
                "", "X Y: 1\r\n", "X : 1\r\n", "X\t: 1\r\n", ": 1\r\n", "X\r\n", "X: \x01\r\n",
                "X: \x7f\r\n", "X: \xe9\r\n", "X: 1\r\n y\r\n", "X: 1\r\n\ty\r\nZ: 2\r\n",
                "Content-Length: -1\r\n", "Content-Length: 0\r\nContent-Length: 1\r\n",
                "Content-Length: 0\r\nContent-Length: 0\r\n", "Transfer-Encoding: foo\r\n",
                "Transfer-Encoding: Chunked\r\n\r\n0\r\n", "Host: y\r\n",
            )
        ),
        *(
            (line, "")
            for line in (
                "GET /livez?%zz HTTP/1.1", "GET /%zz HTTP/1.1", "GET livez HTTP/1.1",
                "GET  /livez HTTP/1.1", "GET /livez HTTP/1.1 ", "G@T /livez HTTP/1.1",
                "GET /livez HTTP/x", "GET http://[x/livez HTTP/1.1", "GET /livez",
            )
        ),
    )
)  # fmt: skip
"""Heads of requests, most of them broken."""

OTHER_METHODS: Final = (
    ("PUT", MAPS), ("PATCH", MAPS), ("POST", f"{MAPS}/m"), ("HEAD", MAPS), ("HEAD", f"{MAPS}/m"),
    ("PUT", ALL), ("PUT", "/api/v1/watch/namespaces/crit-b/configmaps"), ("POST", "/nothing"),
    ("PUT", "/api/v1/nothings"), ("OPTIONS", MAPS), ("TRACE", MAPS), ("FOO", MAPS),
    ("get", MAPS), ("get", "/api"), ("get", "/version"), ("get", "/livez"),
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
