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


class PositionSide(Enum):
    """Which position an order is about: the one there is (BOTH), or the long or the short one of two."""

    BOTH = "BOTH"
    LONG = "LONG"
    SHORT = "SHORT"

    @property
    def sign(self) -> int:
        """+1 for long, -1 for short, 0 for either."""
        return {PositionSide.LONG: 1, PositionSide.SHORT: -1, PositionSide.BOTH: 0}[self]

    def closes(self, side: Side) -> bool:
        """Whether an order of this side can only make the position smaller."""
        return self is (PositionSide.LONG if side is Side.SELL else PositionSide.SHORT)


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
    """What the taker asks for when it meets its own account's order; NONE trades with itself.

    DECREMENT takes the quantity that would have traded off both orders. TRANSFER is the same between orders of one
    account, and the only kind of account here (no trade groups).
    """

    NONE = "NONE"
    EXPIRE_TAKER = "EXPIRE_TAKER"
    EXPIRE_MAKER = "EXPIRE_MAKER"
    EXPIRE_BOTH = "EXPIRE_BOTH"
    DECREMENT = "DECREMENT"
    TRANSFER = "TRANSFER"

    @property
    def shrinks(self) -> bool:
        """Whether both orders lose what would have traded, instead of one of them ending."""
        return self in (SelfTrade.DECREMENT, SelfTrade.TRANSFER)


class Kind(Enum):
    """Why an order exists and its executions happened; all but TRADE are the exchange's doing."""

    TRADE = "TRADE"
    LIQUIDATION = "LIQUIDATION"
    ADL = "ADL"
    SETTLEMENT = "SETTLEMENT"


class OrderStatus(Enum):
    """State of an order after a change. EXPIRED with reason SELF_TRADE is Binance's EXPIRED_IN_MATCH.

    PENDING_NEW is a later order of a list: it is not placed before the first one is filled. REJECTED was never in the
    market (``Place.tells_refusal``).
    """

    PENDING_NEW = "PENDING_NEW"
    NEW = "NEW"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    CANCELED = "CANCELED"
    EXPIRED = "EXPIRED"
    REJECTED = "REJECTED"

    @property
    def is_open(self) -> bool:
        """Whether the order can still fill, if only later."""
        return self in (OrderStatus.PENDING_NEW, OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED)


class OrderChange(Enum):
    """What an OrderEvent tells."""

    NEW = "NEW"
    TRADE = "TRADE"
    CANCELED = "CANCELED"
    EXPIRED = "EXPIRED"
    REJECTED = "REJECTED"
    AMENDED = "AMENDED"
    WORKING = "WORKING"
    """An order that waited for its trigger goes to work."""
    PREVENTED = "PREVENTED"
    """Self-trade prevention took quantity off an order that lives on; one that ended by it is EXPIRED."""


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
    OTHER_ORDER = "OTHER_ORDER"
    """The other order of its pair went to work, traded or ended."""
    FIRST_ORDER = "FIRST_ORDER"
    """The first order of its list ended without being filled."""
    REFUSED = "REFUSED"
    """It was to go to work, and would have been refused then."""
    GOOD_TILL_DATE = "GOOD_TILL_DATE"


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
    UNKNOWN_LIST = "UNKNOWN_LIST"
    LIST_PRICES = "LIST_PRICES"
    """The last price does not lie between the prices of a pair."""
    POSITION_SIDE = "POSITION_SIDE"
    """The order is about another position than the account's mode has."""
    NO_CHANGE = "NO_CHANGE"
    HAS_ORDERS = "HAS_ORDERS"
    """Cannot be changed while orders are open."""
    HAS_POSITION = "HAS_POSITION"
    """Cannot be changed while a position is."""
    NO_POSITION = "NO_POSITION"
    NOT_ISOLATED = "NOT_ISOLATED"
    """The margin of the position is cross."""
    MARKET_CLOSED = "MARKET_CLOSED"
    """The exchange has stopped this market (halted or delisted)."""


class BalanceCause(Enum):
    """Why balances were told: an order (placed, filled or ended), money moved in or out, funding, isolated margin."""

    ORDER = "ORDER"
    DEPOSIT = "DEPOSIT"
    WITHDRAW = "WITHDRAW"
    FUNDING = "FUNDING"
    MARGIN = "MARGIN"


class TriggerWhen(Enum):
    """Which way the last price must cross the trigger price: at or above, or at or below it."""

    ABOVE = "ABOVE"
    BELOW = "BELOW"


class ListKind(Enum):
    """How the orders of a list hang together.

    OCO: a pair, one cancels the other. OTO: the second is placed when the first is filled. OTOCO: a pair is.
    """

    OCO = "OCO"
    OTO = "OTO"
    OTOCO = "OTOCO"


class ListChange(Enum):
    """What a ListEvent tells, in Binance's words."""

    STARTED = "EXEC_STARTED"
    UPDATED = "UPDATED"
    """The client id of one of its orders is another now."""
    DONE = "ALL_DONE"


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
