"""What ``kubectl get`` shows of a service, and of the endpoints that stand behind one.

References
----------
kubernetes 1.37, ``pkg/printers/internalversion/printers.go``: ``printService``,
``printEndpoints``, ``printEndpointSlice``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

import msgspec

from kwlab.server.ages import UNKNOWN
from kwlab.server.printed import NONE, UNSET, Printed, as_selector
from kwlab.wire import Row

_SHOWN: Final = 3
"""So many endpoints are named; of the others there is only the number."""


class _ServicePort(msgspec.Struct, rename="camel", frozen=True):
    port: int = 0
    node_port: int = 0
    protocol: str = ""

    def __str__(self) -> str:
        on_node = f":{self.node_port}" if self.node_port > 0 else ""
        return f"{self.port}{on_node}/{self.protocol}"


class _ServiceSpec(msgspec.Struct, rename="camel", frozen=True):
    type: str = ""
    external_name: str = ""
    selector: dict[str, str] | None = None
    ports: list[_ServicePort] = []
    cluster_ips: list[str] = msgspec.field(default_factory=list, name="clusterIPs")
    external_ips: list[str] = msgspec.field(default_factory=list, name="externalIPs")


class _Ingress(msgspec.Struct, frozen=True):
    ip: str = ""
    hostname: str = ""


class _LoadBalancer(msgspec.Struct, frozen=True):
    ingress: list[_Ingress] = []


class _ServiceStatus(msgspec.Struct, rename="camel", frozen=True):
    load_balancer: _LoadBalancer = _LoadBalancer()


class _Service(Printed, frozen=True):
    spec: _ServiceSpec = _ServiceSpec()
    status: _ServiceStatus = _ServiceStatus()


class _Address(msgspec.Struct, frozen=True):
    ip: str = ""


class _SubsetPort(msgspec.Struct, frozen=True):
    port: int = 0


class _Subset(msgspec.Struct, frozen=True):
    addresses: list[_Address] = []
    ports: list[_SubsetPort] = []

    def __iter__(self) -> Iterator[str]:
        if not self.ports:
            yield from (address.ip for address in self.addresses)
        for port in self.ports:
            yield from (_host_and_port(address.ip, port.port) for address in self.addresses)


class _Endpoints(Printed, frozen=True):
    subsets: list[_Subset] = msgspec.field(default_factory=list)


class _SlicePort(msgspec.Struct, frozen=True):
    port: int | None = None
    name: str | None = None

    def __str__(self) -> str:
        if self.port is not None:
            return str(self.port)
        return "*" if self.name is None else self.name


class _Endpoint(msgspec.Struct, frozen=True):
    addresses: list[str] | None = None


class _EndpointSlice(Printed, rename="camel", frozen=True):
    address_type: str = ""
    ports: list[_SlicePort] | None = None
    endpoints: list[_Endpoint] | None = None


_decode_service = msgspec.json.Decoder(_Service).decode
_decode_endpoints = msgspec.json.Decoder(_Endpoints).decode
_decode_slice = msgspec.json.Decoder(_EndpointSlice).decode


def print_service(data: bytes, now: datetime | None) -> Row:
    """Print a service: name, type, cluster IP, external IP, ports, age, selector.

    Parameters
    ----------
    data : bytes
        The service's JSON.
    now : datetime or None
        None where nobody knows.

    Returns
    -------
    Row

    Raises
    ------
    msgspec.ValidationError
        When a field is not what it is in a service.
    """
    seen = _decode_service(data)
    spec = seen.spec
    cells = (
        seen.name,
        spec.type,
        next(iter(spec.cluster_ips), NONE),
        _external_ip(seen),
        ",".join(map(str, spec.ports)) or NONE,
        seen.age(now),
        as_selector(spec.selector),
    )
    return Row(cells)


def _external_ip(service: _Service) -> str:
    own = service.spec.external_ips
    match service.spec.type:
        case "ClusterIP" | "NodePort":
            return ",".join(own) or NONE
        case "LoadBalancer":
            given = {one.ip or one.hostname for one in service.status.load_balancer.ingress}
            return ",".join([*sorted(given - {""}), *own]) or "<pending>"
        case "ExternalName":
            return service.spec.external_name
        case _:
            return UNKNOWN


def print_endpoints(data: bytes, now: datetime | None) -> Row:
    """Print an Endpoints object: name, addresses with ports, age.

    Parameters
    ----------
    data : bytes
        Its JSON.
    now : datetime or None
        None where nobody knows.

    Returns
    -------
    Row
        Of more than three addresses only the number is told.

    Raises
    ------
    msgspec.ValidationError
        When a field is not what it is in an Endpoints object.
    """
    seen = _decode_endpoints(data)
    listed = _first([each for subset in seen.subsets for each in subset])
    return Row((seen.name, listed if seen.subsets else NONE, seen.age(now)))


def print_endpoint_slice(data: bytes, now: datetime | None) -> Row:
    """Print an EndpointSlice: name, type of address, ports, addresses, age.

    Parameters
    ----------
    data : bytes
        Its JSON.
    now : datetime or None
        None where nobody knows.

    Returns
    -------
    Row
        Of more than three ports or addresses only the number is told.

    Raises
    ------
    msgspec.ValidationError
        When a field is not what it is in an EndpointSlice.
    """
    seen = _decode_slice(data)
    ports = _first([str(port) for port in seen.ports or ()])
    addresses = [one for endpoint in seen.endpoints or () for one in endpoint.addresses or ()]
    cells = (ports or UNSET, _first(addresses) or UNSET)
    return Row((seen.name, seen.address_type, *cells, seen.age(now)))


def _first(all_of_them: Sequence[str]) -> str:
    named = ",".join(all_of_them[:_SHOWN])
    more = len(all_of_them) - _SHOWN
    return f"{named} + {more} more..." if more > 0 else named


def _host_and_port(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
