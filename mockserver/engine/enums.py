"""The closed sets of words of the engine; faces translate them into a venue's words."""

from __future__ import annotations

from enum import Enum


class Side(Enum):
    """Side of an order."""

    BUY = "BUY"
    SELL = "SELL"

    @property
    def opposite(self) -> Side:
        """The other side."""
        return Side.SELL if self is Side.BUY else Side.BUY

    @property
    def sign(self) -> int:
        """+1 for a buy, -1 for a sell."""
        return 1 if self is Side.BUY else -1


class OrderType(Enum):
    """LIMIT or MARKET; a venue's other types are a flag of these (post-only) or the algo store's (stops)."""

    LIMIT = "LIMIT"
    MARKET = "MARKET"


class TimeInForce(Enum):
    """GTC rests, IOC expires what does not fill at once, FOK fills wholly at once or expires wholly."""

    GTC = "GTC"
    IOC = "IOC"
    FOK = "FOK"


class OnCross(Enum):
    """What a post-only order that would take does: spot LIMIT_MAKER is refused, futures GTX and FTX may expire it."""

    REJECT = "REJECT"
    EXPIRE = "EXPIRE"


class SelfTrade(Enum):
    """What the taker asks for when it meets its own account's order; NONE trades with itself."""

    NONE = "NONE"
    EXPIRE_TAKER = "EXPIRE_TAKER"
    EXPIRE_MAKER = "EXPIRE_MAKER"
    EXPIRE_BOTH = "EXPIRE_BOTH"


class Kind(Enum):
    """Why an order exists and its executions happened; all but TRADE are the exchange's doing."""

    TRADE = "TRADE"
    LIQUIDATION = "LIQUIDATION"
    ADL = "ADL"
    SETTLEMENT = "SETTLEMENT"


class OrderStatus(Enum):
    """State of an order after a change. EXPIRED with reason SELF_TRADE is Binance's EXPIRED_IN_MATCH."""

    NEW = "NEW"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    CANCELED = "CANCELED"
    EXPIRED = "EXPIRED"

    @property
    def is_open(self) -> bool:
        """Whether the order can still fill."""
        return self in (OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED)


class OrderChange(Enum):
    """What an OrderEvent tells."""

    NEW = "NEW"
    TRADE = "TRADE"
    CANCELED = "CANCELED"
    EXPIRED = "EXPIRED"
    AMENDED = "AMENDED"


class Reason(Enum):
    """Why an order ended unfilled."""

    USER = "USER"
    IOC_REMAINDER = "IOC_REMAINDER"
    FOK_UNFILLED = "FOK_UNFILLED"
    NO_LIQUIDITY = "NO_LIQUIDITY"
    """A market order found too little on the other side."""
    POST_ONLY = "POST_ONLY"
    SELF_TRADE = "SELF_TRADE"
    REDUCE_ONLY = "REDUCE_ONLY"
    LIQUIDATION = "LIQUIDATION"
    EXCHANGE = "EXCHANGE"
    """The operator of the exchange ended it (control API)."""
    DELISTED = "DELISTED"


class RejectReason(Enum):
    """Why a command was refused; a refused command changes nothing and makes no events."""

    UNKNOWN_ACCOUNT = "UNKNOWN_ACCOUNT"
    UNKNOWN_INSTRUMENT = "UNKNOWN_INSTRUMENT"
    UNKNOWN_ORDER = "UNKNOWN_ORDER"
    ORDER_CLOSED = "ORDER_CLOSED"
    DUPLICATE_CLIENT_ID = "DUPLICATE_CLIENT_ID"
    BAD_PRICE = "BAD_PRICE"
    BAD_QUANTITY = "BAD_QUANTITY"
    MIN_NOTIONAL = "MIN_NOTIONAL"
    INSUFFICIENT_BALANCE = "INSUFFICIENT_BALANCE"
    WOULD_MATCH = "WOULD_MATCH"
    REDUCE_ONLY = "REDUCE_ONLY"
    TOO_MANY_ORDERS = "TOO_MANY_ORDERS"
    WOULD_TRIGGER = "WOULD_TRIGGER"
    """A conditional order whose trigger price has been reached already."""
    NOT_ALLOWED = "NOT_ALLOWED"
    MARKET_CLOSED = "MARKET_CLOSED"
    """The exchange has stopped this market (halted or delisted)."""


class BalanceCause(Enum):
    """Why balances were told: an order (placed, filled or ended), money moved in or out, or funding."""

    ORDER = "ORDER"
    DEPOSIT = "DEPOSIT"
    WITHDRAW = "WITHDRAW"
    FUNDING = "FUNDING"


class TriggerWhen(Enum):
    """Which way the last price must cross the trigger price: at or above, or at or below it."""

    ABOVE = "ABOVE"
    BELOW = "BELOW"


class AlgoStatus(Enum):
    """Life of a conditional order, in Binance's words."""

    NEW = "NEW"
    TRIGGERING = "TRIGGERING"
    TRIGGERED = "TRIGGERED"
    FINISHED = "FINISHED"
    CANCELED = "CANCELED"
    EXPIRED = "EXPIRED"
    REJECTED = "REJECTED"

    @property
    def is_open(self) -> bool:
        """Whether it still waits for its trigger."""
        return self is AlgoStatus.NEW
