"""What the doctor looks at, declared once: its sentence in two languages, and what mends it. The reference page follows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

State = Literal["pass", "warn", "fail", "skip"]


@dataclass(frozen=True)
class Check:
    """`en` and `vi` say what is so if all is well. `mend` is what to type, or to run as SQL; `page` explains it."""

    id: str
    en: str
    vi: str
    mend: str
    page: str = ""


@dataclass(frozen=True)
class Result:
    """`detail`: facts, never personal data. `mend`: only where something is to be done."""

    check: Check
    state: State
    detail: str = ""
    mend: str = ""

    def sentence(self, language: str) -> str:
        return self.check.vi if language == "vi" else self.check.en

    def as_dict(self) -> dict[str, Any]:
        check = self.check
        return {
            "check": check.id,
            "state": self.state,
            "en": check.en,
            "vi": check.vi,
            "detail": self.detail,
            "mend": self.mend,
            "page": check.page if self.mend else "",
        }


CHECKS: dict[str, Check] = {}


def _declare(name: str, en: str, vi: str, mend: str, page: str = "") -> None:
    CHECKS[name] = Check(name, en, vi, mend, page)


_declare(
    "broker.login",
    "The broker answers and lets this user in",
    "Kafka trả lời và cho người dùng này đăng nhập",
    "hemis status",
    "situations/BrokerFull.md",
)
_declare(
    "broker.writes",
    "The broker takes a message, and says when",
    "Kafka nhận thông điệp và cho biết thời điểm",
    "df -h, on the broker's machine",
    "situations/BrokerFull.md",
)
_declare(
    "broker.clock",
    "The broker's clock agrees with this machine's",
    "Đồng hồ của Kafka khớp với máy này",
    "timedatectl set-ntp true, on the machine whose clock is wrong",
)
_declare(
    "broker.disk",
    "The brokers' disks have room",
    "Đĩa của Kafka còn chỗ",
    "df -h, on the broker's machine",
    "situations/BrokerFull.md",
)
_declare(
    "broker.replicas",
    "Every partition has a leader and all its replicas",
    "Mọi phân vùng có leader và đủ bản sao",
    "start the brokers that are away; a lost one is replaced under its own id",
)
_declare(
    "broker.certificate",
    "The broker's certificate is trusted and does not end soon",
    "Chứng chỉ của Kafka được tin cậy và chưa sắp hết hạn",
    "renew it with the same authority and restart the broker; agents go on by themselves",
    "runbooks/HemisCertificateEnds.md",
)
_declare(
    "topics.declared",
    "Topics, partitions, settings and rights are as declared",
    "Topic, phân vùng, cấu hình và quyền đúng như khai báo",
    "hemis national --output national",
)
_declare(
    "registry.answers",
    "The registry answers",
    "Sổ đăng ký lược đồ trả lời",
    "start it; processes that know their schemas go on without it",
    "situations/RegistryGone.md",
)
_declare(
    "registry.schemas",
    "The registry knows every schema of this program",
    "Sổ đăng ký biết mọi lược đồ của chương trình",
    "hemis schemas register",
    "situations/RegistryGone.md",
)
_declare(
    "registry.ids",
    "Schemas have the ids that stand in the topics",
    "Lược đồ giữ đúng mã đã dùng trong các topic",
    "hemis restore FOLDER --registry",
    "situations/RegistryGone.md",
)
_declare(
    "registry.compatibility",
    "The registry refuses incompatible schemas",
    "Sổ đăng ký từ chối lược đồ không tương thích",
    "hemis schemas register",
)
_declare(
    "database.login",
    "The national database answers and lets this user in",
    "Cơ sở dữ liệu quốc gia trả lời và cho đăng nhập",
    "start the server; events wait in Kafka",
    "situations/DatabaseRestored.md",
)
_declare(
    "database.schema",
    "The national database has this program's schema",
    "Lược đồ cơ sở dữ liệu quốc gia khớp với chương trình",
    "hemis sink migrate",
)
_declare(
    "database.copy",
    "The national database is no older copy that still catches up",
    "Cơ sở dữ liệu quốc gia không phải bản cũ đang đuổi kịp",
    "nothing, the sink does it; hemis lag --watch",
    "situations/DatabaseRestored.md",
)
_declare(
    "database.clock",
    "The national database's clock agrees with this machine's",
    "Đồng hồ cơ sở dữ liệu quốc gia khớp với máy này",
    "timedatectl set-ntp true, on the machine whose clock is wrong",
)
_declare(
    "database.durable",
    "What the national database has committed survives a crash",
    "Dữ liệu đã ghi vẫn còn khi máy chủ dừng đột ngột",
    "ALTER SYSTEM SET {setting} = on; SELECT pg_reload_conf();",
)
_declare(
    "database.connections",
    "There are free connections",
    "Còn kết nối trống",
    "SELECT pid, usename, application_name, state_change FROM pg_stat_activity WHERE state = 'idle' ORDER BY state_change;",
)
_declare(
    "database.transactions",
    "No transaction stands open for long",
    "Không có giao dịch mở quá lâu",
    "SELECT pg_terminate_backend({pid});",
)
_declare(
    "database.slots",
    "No replication slot keeps log that nobody takes",
    "Không có khe sao chép giữ nhật ký mà không ai nhận",
    "SELECT pg_drop_replication_slot('{slot}');",
)
_declare(
    "database.replicas",
    "Stand-by servers follow",
    "Máy chủ dự phòng theo kịp",
    "SELECT client_addr, state, replay_lag FROM pg_stat_replication;",
)
_declare(
    "database.freeze",
    "Transaction numbers are far from their end",
    "Số hiệu giao dịch còn xa giới hạn",
    "VACUUM (FREEZE, VERBOSE);",
)
_declare(
    "database.backup",
    "The last backup is of today or yesterday",
    "Bản sao lưu gần nhất là hôm nay hoặc hôm qua",
    "hemis backup --output backups",
    "situations/DatabaseRestored.md",
)
_declare(
    "stages.ready",
    "Every process answers and is ready",
    "Mọi tiến trình trả lời và sẵn sàng",
    "hemis status",
    "runbooks/HemisStageDead.md",
)
_declare(
    "stages.canary",
    "Canaries pass every stage",
    "Canary đi qua mọi chặng",
    "hemis status",
    "runbooks/HemisStageDead.md",
)
_declare(
    "stages.lag",
    "No stage is far behind",
    "Không chặng nào chậm nhiều",
    "hemis lag --watch",
    "runbooks/HemisDelayObjectiveBurning.md",
)
_declare(
    "institutions.canary",
    "Every institution's canary arrives",
    "Canary của mọi trường đều đến",
    "hemis institution list",
    "runbooks/HemisInstitutionStale.md",
)
_declare(
    "institutions.source",
    "Every institution's source is accepted",
    "Nguồn của mọi trường đã được chấp nhận",
    "hemis institution accept {code} {system_id}",
)
_declare(
    "institutions.held",
    "The brake holds no CANCELs",
    "Không có CANCEL bị giữ",
    "hemis institution release {code}, or reject",
    "runbooks/HemisCancelsHeld.md",
)
_declare(
    "letters.recent",
    "No dead letter came within a day",
    "Không có thư chết trong một ngày qua",
    "hemis dead-letters list --count",
    "runbooks/HemisDeadLettersRising.md",
)
_declare(
    "machine.data",
    "This machine's data folder can be written and has room",
    "Thư mục dữ liệu của máy này ghi được và còn chỗ",
    "df -h {folder}",
)
_declare(
    "machine.secrets",
    "Only their owner reads the files with secrets",
    "Chỉ chủ sở hữu đọc được các tệp bí mật",
    "chmod 600 {files}",
)


def passed(name: str, detail: str = "") -> Result:
    return Result(CHECKS[name], "pass", detail)


def warned(name: str, detail: str, **facts: object) -> Result:
    """`facts` fill what mends it."""
    return Result(CHECKS[name], "warn", detail, CHECKS[name].mend.format_map(facts))


def failed(name: str, detail: str, *, mend: str = "", **facts: object) -> Result:
    """`mend`: in place of the declared one, where more is known."""
    return Result(CHECKS[name], "fail", detail, mend or CHECKS[name].mend.format_map(facts))


def skipped(name: str, why: str) -> Result:
    return Result(CHECKS[name], "skip", why)
