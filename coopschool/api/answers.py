"""Lists and tables: pages with cursors and `Link`, and the same rows as CSV where the reader prefers that."""

from __future__ import annotations

import csv
import io
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from functools import lru_cache
from typing import Annotated, Any, TypeVar
from urllib.parse import parse_qsl, urlencode

import msgspec
from litestar import Response
from litestar.params import QueryParameter

from coopschool.api.problems import parameter_fault
from coopschool.api.request import ApiRequest

T = TypeVar("T")
K = TypeVar("K", bound=tuple[Any, ...])

CSV = "text/csv"
JSON = "application/json"

Limit = Annotated[int, QueryParameter(ge=1, le=500, description="At most so many items")]
Cursor = Annotated[str | None, QueryParameter(max_length=500, description="Where to go on: `next` of the page before")]
MinPosition = Annotated[
    int | None,
    QueryParameter(
        ge=0, le=(1 << 63) - 1, description="Wait up to 5 s until what was written at this log position can be read"
    ),
]

# What a spreadsheet would take for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def prefers_csv(accept: str | None) -> bool:
    """Whether `Accept` ranks CSV above JSON."""
    return prefers(accept, CSV)


@lru_cache(maxsize=256)
def prefers(accept: str | None, form: str) -> bool:
    """Whether `Accept` ranks another form above JSON."""
    weights = {form: 0.0, JSON: 0.0}
    for part in (accept or "").split(","):
        kind, *parameters = (piece.strip().lower() for piece in part.split(";"))
        if kind in weights:
            weights[kind] = max(weights[kind], _weight(parameters))
    return weights[form] > weights[JSON]


def csv_text(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    """The rows as CSV (RFC 4180). Text that a spreadsheet would run as a formula begins with an apostrophe."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_cell(row.get(column)) for column in columns])
    return out.getvalue()


def csv_answer(columns: Sequence[str], rows: Iterable[Mapping[str, Any]], headers: Mapping[str, str]) -> Response[Any]:
    return Response(csv_text(columns, rows), media_type=CSV, headers=dict(headers))


def page(request: ApiRequest, shape: type[msgspec.Struct], items: Sequence[Any], after: Any | None) -> Response[Any]:
    """One page of a list; `after` is the key of its last item if there are more.

    `shape` has the fields `items` and `next`. As CSV the page has one line an item; `Link` leads on in both forms.
    """
    next_cursor = None if after is None else _cursor(after)
    headers = {} if next_cursor is None else {"Link": f'<{_with_cursor(request, next_cursor)}>; rel="next"'}
    if prefers_csv(request.call.header(b"accept")):
        item = msgspec.inspect.type_info(shape)
        assert isinstance(item, msgspec.inspect.StructType)
        columns = _columns(next(field.type for field in item.fields if field.name == "items"))
        return csv_answer(columns, (msgspec.structs.asdict(one) for one in items), headers)
    return Response(shape(items=list(items), next=next_cursor), headers=headers)


def portion(items: Iterable[T], key: Callable[[T], K], after: K | None, limit: int) -> tuple[list[T], K | None]:
    """Of a whole list, the items of one page, in order of their keys; and the last one's key if there are more."""
    rest = sorted((item for item in items if after is None or key(item) > after), key=key)
    shown = rest[:limit]
    return shown, key(shown[-1]) if len(rest) > limit else None


def cursor_key(cursor: str | None, shape: type[T]) -> T | None:
    """The key that a cursor stands for. Raises `InvalidRequest` for one that we did not give."""
    if cursor is None:
        return None
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        return msgspec.json.decode(urlsafe_b64decode(padded.encode("ascii")), type=shape)
    except (ValueError, msgspec.MsgspecError) as error:
        raise parameter_fault("wrong-form", "cursor") from error


def _cursor(key: Any) -> str:
    return urlsafe_b64encode(msgspec.json.encode(key)).decode().rstrip("=")


def _with_cursor(request: ApiRequest, cursor: str) -> str:
    given = parse_qsl(request.scope["query_string"].decode("latin-1"))
    kept = [(name, value) for name, value in given if name not in ("cursor", "min_position")]
    return f"{request.scope['path']}?{urlencode([*kept, ('cursor', cursor)])}"


def _columns(items: msgspec.inspect.Type) -> list[str]:
    assert isinstance(items, msgspec.inspect.ListType)
    assert isinstance(items.item_type, msgspec.inspect.StructType)
    return [field.encode_name for field in items.item_type.fields]


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Mapping):
        value = msgspec.json.encode(value).decode()
    text = "|".join(map(_plain, value)) if isinstance(value, list | tuple) else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def _plain(value: Any) -> str:
    return msgspec.json.encode(value).decode() if isinstance(value, msgspec.Struct) else str(value)


def _weight(parameters: Sequence[str]) -> float:
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                return float(parameter[2:])
            except ValueError:
                return 0.0
    return 1.0
