"""The operations on alerts, silences, deliveries and receivers, with who may call them beside their paths."""

from collections.abc import Iterator
from typing import Final

from reconciler.model.access import Scope
from reconciler.web.problems import Code
from reconciler.web.route import Route
from reconciler.web.v1.alert_schemas import (
    AckAsked,
    AlertList,
    AlertListQuery,
    AlertShown,
    SilenceAsked,
    SilenceList,
    SilenceShown,
)
from reconciler.web.v1.alerts import AlertRoutes
from reconciler.web.v1.deliveries import DeliveryRoutes
from reconciler.web.v1.delivery_schemas import (
    DeliveryList,
    DeliveryListQuery,
    DeliveryShown,
    EventTypes,
    Retried,
    RetryAsked,
    RouteList,
    RouteTold,
    TrialAsked,
    TrialTold,
)
from reconciler.web.v1.documents import BODY_PROBLEMS, answers_model, takes_model

API: Final = "/api/v1"


def telling_routes(alerts: AlertRoutes, deliveries: DeliveryRoutes) -> Iterator[Route]:
    """Yield the operations that operators of alerts and deliveries have."""
    yield from _alerts(alerts)
    yield from _silences(alerts)
    yield from _deliveries(deliveries)
    yield from _receivers(deliveries)


def _alerts(alerts: AlertRoutes) -> Iterator[Route]:
    yield Route(
        "GET",
        f"{API}/alerts",
        alerts.many,
        Scope.READ_STATUS,
        "list_alerts",
        "What is wrong now, and what was, the newest first",
        "alerts",
        query=AlertListQuery,
        answer=answers_model(AlertList),
    )
    yield Route(
        "GET",
        f"{API}/alerts/{{alert_id}}",
        alerts.one,
        Scope.READ_STATUS,
        "get_alert",
        "One alert",
        "alerts",
        answer=answers_model(AlertShown),
        problems=(Code.NOT_FOUND,),
    )
    yield Route(
        "POST",
        f"{API}/alerts/{{alert_id}}/ack",
        alerts.ack,
        Scope.RUN_SYNC,
        "acknowledge_alert",
        "Say that somebody is on it: it is neither repeated nor escalated any more",
        "alerts",
        answer=answers_model(AlertShown),
        problems=(Code.NOT_FOUND, Code.CONFLICT, *BODY_PROBLEMS),
        extra=takes_model(AckAsked, required=False),
    )


def _silences(alerts: AlertRoutes) -> Iterator[Route]:
    yield Route(
        "GET",
        f"{API}/silences",
        alerts.silences,
        Scope.READ_STATUS,
        "list_silences",
        "What nobody wants to hear of, until when and why",
        "alerts",
        answer=answers_model(SilenceList),
    )
    yield Route(
        "POST",
        f"{API}/silences",
        alerts.silence,
        Scope.RUN_SYNC,
        "create_silence",
        "Silence alerts for a while",
        "alerts",
        status=201,
        answer=answers_model(SilenceShown),
        problems=BODY_PROBLEMS,
        extra=takes_model(SilenceAsked, required=True),
    )
    yield Route(
        "DELETE",
        f"{API}/silences/{{silence_id}}",
        alerts.end_silence,
        Scope.RUN_SYNC,
        "end_silence",
        "End a silence now",
        "alerts",
        status=204,
        answer={"description": "It has ended."},
        problems=(Code.NOT_FOUND,),
    )


def _deliveries(deliveries: DeliveryRoutes) -> Iterator[Route]:
    yield Route(
        "GET",
        f"{API}/deliveries",
        deliveries.many,
        Scope.READ_STATUS,
        "list_deliveries",
        "What was and is sent to whom, the newest first",
        "deliveries",
        query=DeliveryListQuery,
        answer=answers_model(DeliveryList),
        problems=(Code.NOT_FOUND,),
    )
    yield Route(
        "GET",
        f"{API}/deliveries/{{delivery_id}}",
        deliveries.one,
        Scope.READ_STATUS,
        "get_delivery",
        "One delivery and its attempts",
        "deliveries",
        answer=answers_model(DeliveryShown),
        problems=(Code.NOT_FOUND,),
    )
    yield Route(
        "POST",
        f"{API}/deliveries/{{delivery_id}}/retry",
        deliveries.retry,
        Scope.RUN_SYNC,
        "retry_delivery",
        "Make an ended delivery once more, at once, under the same id",
        "deliveries",
        answer=answers_model(DeliveryShown),
        problems=(Code.NOT_FOUND, Code.CONFLICT),
    )
    yield Route(
        "POST",
        f"{API}/deliveries/retry",
        deliveries.retry_all,
        Scope.RUN_SYNC,
        "retry_deliveries",
        "Make all dead deliveries that fit once more",
        "deliveries",
        answer=answers_model(Retried),
        problems=(Code.NOT_FOUND, Code.CONFLICT, *BODY_PROBLEMS),
        extra=takes_model(RetryAsked, required=False),
    )


def _receivers(deliveries: DeliveryRoutes) -> Iterator[Route]:
    yield Route(
        "GET",
        f"{API}/routes",
        deliveries.routes,
        Scope.READ_STATUS,
        "list_routes",
        "Alert routes, and how their receivers are",
        "deliveries",
        answer=answers_model(RouteList),
    )
    yield Route(
        "POST",
        f"{API}/routes/{{route}}/test",
        deliveries.trial,
        Scope.RUN_SYNC,
        "test_route",
        "Send a sample to a receiver, once",
        "deliveries",
        answer=answers_model(TrialTold),
        problems=(Code.NOT_FOUND, *BODY_PROBLEMS),
        extra=takes_model(TrialAsked, required=False),
    )
    yield Route(
        "POST",
        f"{API}/routes/{{route}}/enable",
        deliveries.enable,
        Scope.RUN_SYNC,
        "enable_route",
        "Try a disabled receiver again",
        "deliveries",
        answer=answers_model(RouteTold),
        problems=(Code.NOT_FOUND,),
    )
    yield Route(
        "GET",
        f"{API}/event-types",
        deliveries.event_types,
        Scope.READ_STATUS,
        "list_event_types",
        "All events that may be told, with schemas and samples",
        "deliveries",
        answer=answers_model(EventTypes),
    )
