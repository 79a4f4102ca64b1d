"""Ask a cluster for lists and watches, and give their bytes as they were sent."""

from __future__ import annotations

from typing import Any, Final

from kwlab.cluster.connection import CONNECT_SECONDS, Connection
from kwlab.cluster.namespace import check_name
from kwlab.errors import ClusterError
from kwlab.messages import say
from kwlab.recording import Item, ResourceEntry
from kwlab.watching.reachable import prepared
from kwlab.wire import ListOptions, ListPage, identify, query, with_kind

PAGE_SIZE: Final = 500
"""client-go's (``tools/pager/pager.go``, v0.37.2): it keeps one answer at a few megabytes."""
LIST_SECONDS: Final = 60.0
"""kube-apiserver gives a list no more (``--request-timeout``)."""


class Source:
    """Ask for resource types in one namespace.

    Parameters
    ----------
    connection : Connection
        Its client is prepared, so that a watch can be stopped wherever it waits.
    namespace : str
    selector : str
        A label selector; empty for none.

    Raises
    ------
    ClusterError
        When no namespace can be called so.
    """

    def __init__(self, connection: Connection, namespace: str, selector: str) -> None:
        check_name(namespace)
        self._connection = connection
        self._namespace = namespace
        self._selectors = ListOptions(label_selector=selector or None)
        prepared(connection.client)

    def path(self, resource: ResourceEntry) -> str:
        """Give the path of a resource type, without the query.

        Parameters
        ----------
        resource : ResourceEntry

        Returns
        -------
        str
        """
        root = f"/apis/{resource.group}" if resource.group else "/api"
        space = f"/namespaces/{self._namespace}" if resource.namespaced else ""
        return f"{root}/{resource.version}{space}/{resource.plural}"

    def present(self, resources: tuple[ResourceEntry, ...]) -> tuple[str, list[Item]]:
        """List what exists, of all types at one resourceVersion.

        Parameters
        ----------
        resources : tuple of ResourceEntry

        Returns
        -------
        tuple of (str, list of Item)
            The resourceVersion from which each may be watched, and the objects as events of a
            watch would hold them.

        Raises
        ------
        ClusterError
            When the cluster refuses, is not reached, or keeps a type in a sequence of its own.
        """
        version, items = "", []
        for resource in resources:
            listed, objects = self._list(resource, version)
            if version and listed != version:
                raise ClusterError(say("record.other_sequence", resource=resource.plural))
            version = listed
            items += objects
        return version, items

    def watch(self, resource: ResourceEntry, options: ListOptions) -> Any:
        """Open a watch.

        Parameters
        ----------
        resource : ResourceEntry
        options : ListOptions

        Returns
        -------
        kubernetes.client.rest.RESTResponse
            Open.

        Raises
        ------
        kubernetes.client.exceptions.ApiException
            For a status of 300 or more.
        """
        asked = query(options.replace(**self._selectors), watch=True)
        return self._connection.get(f"{self.path(resource)}?{asked}", (CONNECT_SECONDS, None))

    def check_watch(self, resource: ResourceEntry, resource_version: str) -> None:
        """Find out whether a type may be watched.

        Parameters
        ----------
        resource : ResourceEntry
        resource_version : str

        Raises
        ------
        ClusterError
            When it may not.
        """
        options = ListOptions(resource_version=resource_version, timeout_seconds=1)
        with self._connection.clear_errors():
            self.watch(resource, options).response.close()

    def _list(self, resource: ResourceEntry, version: str) -> tuple[str, list[Item]]:
        match = "Exact" if version else None
        first = self._selectors.replace(resource_version=version or None, limit=PAGE_SIZE)
        page = self._page(resource, first.replace(resource_version_match=match))
        listed, found = page.resource_version, list(page.items)
        while page.token:
            following = self._selectors.replace(limit=PAGE_SIZE, _continue=page.token)
            page = self._page(resource, following)
            found += page.items
        try:
            return listed, [self._item(resource, data) for data in found]
        except ValueError as error:
            raise _no_list(resource, error) from error

    def _page(self, resource: ResourceEntry, options: ListOptions) -> ListPage:
        with self._connection.clear_errors():
            answer = self._connection.get(f"{self.path(resource)}?{query(options)}", LIST_SECONDS)
            body = answer.read()
        try:
            return ListPage.parse(body)
        except ValueError as error:
            raise _no_list(resource, error) from error

    def _item(self, resource: ResourceEntry, data: bytes) -> Item:
        api_version = f"{resource.group}/{resource.version}" if resource.group else resource.version
        whole = with_kind(api_version, resource.kind, data)
        return Item(resource.plural, identify(whole), whole)


def _no_list(resource: ResourceEntry, error: ValueError) -> ClusterError:
    return ClusterError(say("record.no_list", resource=resource.plural, reason=error))
