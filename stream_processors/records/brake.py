"""The CANCEL brake: more than a set share of an institution's live records within a window is held, counted and alarmed.

Once it has engaged it holds every CANCEL until the ministry releases or rejects what is held. The window goes by time of
change, so that a replay decides the same.
"""

from __future__ import annotations

from dataclasses import dataclass

from stream_processors.records.account import Account


@dataclass(frozen=True)
class Brake:
    share: float
    least: int
    window_us: int

    def holds(self, account: Account, changed_at: int) -> bool:
        """Count one CANCEL; True if it must be held."""
        if account.braked:
            return True
        if changed_at - account.window_start > self.window_us or changed_at < account.window_start:
            account.window_start, account.window_cancels = changed_at, 0
        account.window_cancels += 1
        if account.window_cancels > max(self.least, self.share * (account.live + account.window_cancels)):
            account.braked = True
            account.alarm("cancels_held")
        return account.braked
