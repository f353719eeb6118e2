"""Makes a Kafka cluster what `schemas.topics` declares: users, rights and topics.

Everything here may be repeated: what is right stays, what is missing is made, and a right that is declared no longer is
taken away. National roles get the institutions' topics by prefix, so a new institution needs no change to them; an
institution gets exactly its own topics by name (P6).
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future
from typing import get_args

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
    OffsetSpec,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    TopicMetadata,
    UserScramCredentialDeletion,
    UserScramCredentialUpsertion,
)

from schemas.avro_schema import RECORD_TYPES
from schemas.keys import INSTITUTION
from schemas.topics import CHANGES, CLAIMS, PARTITIONS, TOPICS, Role, Topic, institution_of

TIMEOUT = 30.0
POLL_SECONDS = 0.02
SCRAM_ITERATIONS = 8192
CLUSTER = "kafka-cluster"

Report = list[str]
"""What was changed, one short line each; empty when everything was right already. New passwords are not listed."""


class ProvisioningError(RuntimeError):
    """The cluster differs from the declarations in a way that only a person may change."""


def role_user(role: str) -> str:
    """The user of a national role."""
    return f"hemis.{role}"


def institution_user(code: str) -> str:
    """The user of an institution."""
    return f"inst.{code}"


def provision_national(admin: AdminClient, partitions: int, replication: int, passwords: Mapping[Role, str]) -> Report:
    """Users and rights of the national roles named in `passwords`, and the national topics."""
    declared = {name: topic for topic in TOPICS if topic.scope == "national" for name in _national_names(topic)}
    report = ensure_topics(admin, declared, partitions, replication)
    _ensure_users(admin, {role_user(role): password for role, password in passwords.items()})
    for role in passwords:
        user = role_user(role)
        report += _ensure_rights(admin, user, set(_role_rights(role, user)))
    return report


def provision_institution(admin: AdminClient, code: str, password: str, replication: int = 1) -> Report:
    """An institution's user, rights and topics. One that is suspended stays so."""
    if not INSTITUTION.fullmatch(code):
        raise ProvisioningError(f"'{code}' is no institution code: 2 to 16 of A-Z, 0-9 and hyphen")
    user = institution_user(code)
    report = ensure_topics(admin, institution_topics(code), 1, replication)
    _ensure_users(admin, {user: password})
    return report + _ensure_rights(admin, user, set(_institution_rights(code, user)))


def drift(admin: AdminClient, replication: int) -> dict[str, Report]:
    """How the cluster differs from what is declared, by institution code, empty for the national side; nothing is changed.

    P and the institutions are taken from what there is. A role that has no right at all was never provisioned.
    """
    existing = admin.list_topics(timeout=TIMEOUT).topics
    codes = sorted(institution_of(name) for name in existing if name.startswith(CHANGES.prefix))
    default = len(existing[CLAIMS.name].partitions) if CLAIMS.name in existing else PARTITIONS
    wanted = {"": {name: topic for topic in TOPICS if topic.scope == "national" for name in _national_names(topic)}}
    wanted |= {code: institution_topics(code) for code in codes}
    rights: dict[str, set[AclBinding]] = {}
    for right in _allowed(admin, None):
        rights.setdefault(right.principal.removeprefix("User:"), set()).add(right)
    found: dict[str, Report] = {}
    for code, declared in wanted.items():
        report = [f"topic {name}: missing" for name in declared if name not in existing]
        for name, topic in declared.items():
            partitions = topic.partitions or default
            if name in existing and len(existing[name].partitions) != partitions:
                report.append(f"topic {name}: {len(existing[name].partitions)} partitions, declared are {partitions}")
        kept = {name: topic for name, topic in declared.items() if name in existing}
        for name, values in _wrong_configs(admin, kept, replication).items():
            report.append(f"topic {name}: other {', '.join(sorted(values))}")
        users = (
            {institution_user(code): set(_institution_rights(code, institution_user(code)))}
            if code
            else _role_users(rights)
        )
        for user, declared_rights in users.items():
            missing, surplus = declared_rights - rights.get(user, set()), rights.get(user, set()) - declared_rights
            if missing or surplus:
                report.append(f"user {user}: {len(missing)} rights missing, {len(surplus)} not declared")
        if report:
            found[code] = report
    return found


def _role_users(rights: Mapping[str, set[AclBinding]]) -> dict[str, set[AclBinding]]:
    users = {role_user(role): role for role in get_args(Role) if role_user(role) in rights}
    return {user: set(_role_rights(role, user)) for user, role in users.items()}


def institution_topics(code: str) -> dict[str, Topic]:
    """An institution's topics by name."""
    return {topic.name_for(code): topic for topic in TOPICS if topic.scope == "institution"}


def topic_names(admin: AdminClient) -> set[str]:
    """The cluster's topics."""
    return set(admin.list_topics(timeout=TIMEOUT).topics)


# -- suspending and leaving -----------------------------------------------------------------------------------------


def forbid_writing(admin: AdminClient, code: str) -> None:
    """Forbid what the rights allow; the broker asks at every request, so that running connections are met too."""
    _futures(admin.create_acls([_forbidden(code)]))
    _settle(lambda: may_not_write(admin, code), f"writing to be forbidden to {code}")


def let_write(admin: AdminClient, code: str) -> None:
    """What `forbid_writing` forbade."""
    _futures(admin.delete_acls([_filter_of(_forbidden(code))]))
    _settle(lambda: not may_not_write(admin, code), f"writing to be allowed to {code}")


def may_not_write(admin: AdminClient, code: str) -> bool:
    return bool(admin.describe_acls(_filter_of(_forbidden(code)), request_timeout=TIMEOUT).result(TIMEOUT))


def suspended(admin: AdminClient) -> set[str]:
    """Every institution that may not write."""
    every = AclBindingFilter(
        ResourceType.TOPIC, None, ResourcePatternType.LITERAL, None, None, AclOperation.WRITE, AclPermissionType.DENY
    )
    found = admin.describe_acls(every, request_timeout=TIMEOUT).result(TIMEOUT)
    return {institution_of(right.name) for right in found if right.name.startswith(CHANGES.prefix)}


def set_password(admin: AdminClient, user: str, password: str) -> None:
    """Give a user this password; the one before opens no new connection."""
    _ensure_users(admin, {user: password})


def withdraw(admin: AdminClient, code: str) -> Report:
    """Take all rights from an institution's user, then the user itself."""
    user = institution_user(code)
    report = _ensure_rights(admin, user, set())
    if may_not_write(admin, code):
        let_write(admin, code)
    if _has_password(admin, user):
        _futures(admin.alter_user_scram_credentials([UserScramCredentialDeletion(user, ScramMechanism.SCRAM_SHA_512)]))
        _settle(lambda: not _has_password(admin, user), f"user {user} to be gone")
        report.append(f"user {user}: deleted")
    return report


def delete_topics(admin: AdminClient, names: Iterable[str]) -> list[str]:
    """Delete those of the topics that exist; their names."""
    existing = topic_names(admin)
    gone = [name for name in names if name in existing]
    if gone:
        _futures(admin.delete_topics(gone, operation_timeout=TIMEOUT))
        _settle(lambda: not topic_names(admin).intersection(gone), "topics to be gone")
    return gone


def log_end(admin: AdminClient, topic: str) -> int:
    """The end offset of a topic's one partition."""
    asked = admin.list_offsets({TopicPartition(topic, 0): OffsetSpec.latest()}, request_timeout=TIMEOUT)
    return int(next(iter(asked.values())).result(TIMEOUT).offset)


def place_of(admin: AdminClient, group: str, topic: str) -> int:
    """How far a group says that it has read a topic's one partition."""
    wanted = ConsumerGroupTopicPartitions(group, [TopicPartition(topic, 0)])
    found = admin.list_consumer_group_offsets([wanted], request_timeout=TIMEOUT)[group].result(TIMEOUT)
    return max(0, int(found.topic_partitions[0].offset))


def _forbidden(code: str) -> AclBinding:
    return AclBinding(
        ResourceType.TOPIC,
        CHANGES.name_for(code),
        ResourcePatternType.LITERAL,
        f"User:{institution_user(code)}",
        "*",
        AclOperation.WRITE,
        AclPermissionType.DENY,
    )


# -- what is declared -----------------------------------------------------------------------------------------------


def _national_names(topic: Topic) -> tuple[str, ...]:
    if "{entity}" in topic.name:
        return tuple(topic.name.format(entity=entity) for entity in RECORD_TYPES)
    return (topic.name,)


def _role_rights(role: Role, user: str) -> Iterator[AclBinding]:
    for topic in TOPICS:
        if topic.scope == "institution":
            names: tuple[str, ...] = (topic.prefix,)
            pattern = ResourcePatternType.PREFIXED
        else:
            names = _national_names(topic)
            pattern = ResourcePatternType.LITERAL
        for name in names:
            for operation in _operations(topic, role):
                yield _allow(user, ResourceType.TOPIC, name, operation, pattern)
    yield _allow(user, ResourceType.GROUP, f"hemis-{role}", AclOperation.READ, ResourcePatternType.PREFIXED)
    if any(role in topic.writers for topic in TOPICS):
        yield _allow(user, ResourceType.BROKER, CLUSTER, AclOperation.IDEMPOTENT_WRITE)
    if role == "operator":
        # To see who is suspended, quotas, and how far the stages are.
        yield _allow(user, ResourceType.BROKER, CLUSTER, AclOperation.DESCRIBE)
        yield _allow(user, ResourceType.BROKER, CLUSTER, AclOperation.DESCRIBE_CONFIGS)
        yield _allow(user, ResourceType.GROUP, "hemis-", AclOperation.DESCRIBE, ResourcePatternType.PREFIXED)
        # To see whether every topic is as declared, its content not.
        for operation in (AclOperation.DESCRIBE, AclOperation.DESCRIBE_CONFIGS):
            yield _allow(user, ResourceType.TOPIC, "hemis.", operation, ResourcePatternType.PREFIXED)


def _institution_rights(code: str, user: str) -> Iterator[AclBinding]:
    for topic in TOPICS:
        if topic.scope == "institution":
            for operation in _operations(topic, "agent"):
                yield _allow(user, ResourceType.TOPIC, topic.name_for(code), operation)
    yield _allow(user, ResourceType.BROKER, CLUSTER, AclOperation.IDEMPOTENT_WRITE)


def _operations(topic: Topic, role: Role) -> set[AclOperation]:
    reads = {AclOperation.READ, AclOperation.DESCRIBE} if role in topic.readers else set()
    writes = {AclOperation.WRITE, AclOperation.DESCRIBE} if role in topic.writers else set()
    return reads | writes


def _allow(
    user: str,
    kind: ResourceType,
    name: str,
    operation: AclOperation,
    pattern: ResourcePatternType = ResourcePatternType.LITERAL,
) -> AclBinding:
    return AclBinding(kind, name, pattern, f"User:{user}", "*", operation, AclPermissionType.ALLOW)


def _config(topic: Topic, replication: int) -> dict[str, str]:
    config = {"cleanup.policy": topic.cleanup, **topic.config}
    if topic.retention_ms is not None:
        config["retention.ms"] = str(topic.retention_ms)
    if replication >= 3:
        config["min.insync.replicas"] = "2"
    return config


# -- making it so ---------------------------------------------------------------------------------------------------


def ensure_topics(admin: AdminClient, declared: Mapping[str, Topic], default: int, replication: int) -> Report:
    """Make what is missing, and set what differs."""
    existing = admin.list_topics(timeout=TIMEOUT).topics
    _require_partitions(existing, declared, default)
    new = [
        NewTopic(name, topic.partitions or default, replication, config=_config(topic, replication))
        for name, topic in declared.items()
        if name not in existing
    ]
    made = set()
    if new:
        for name, future in admin.create_topics(new, operation_timeout=TIMEOUT).items():
            if _done_or_existed(future.result):
                made.add(name)
        _settle(lambda: _led(admin, set(declared)), "new topics to have leaders")
        # A topic may have been there that the broker did not show yet.
        _require_partitions(admin.list_topics(timeout=TIMEOUT).topics, declared, default)
    kept = {name: topic for name, topic in declared.items() if name not in made}
    return [f"topic {name}: made" for name in declared if name in made] + _ensure_configs(admin, kept, replication)


def _require_partitions(existing: Mapping[str, TopicMetadata], declared: Mapping[str, Topic], default: int) -> None:
    for name, topic in declared.items():
        if name not in existing:
            continue
        found, wanted = len(existing[name].partitions), topic.partitions or default
        if found != wanted:
            # More partitions would send a key elsewhere than its history, and so break the order per record (P3).
            raise ProvisioningError(f"topic {name} has {found} partitions, declared are {wanted}")


def _ensure_configs(admin: AdminClient, kept: Mapping[str, Topic], replication: int) -> Report:
    if not kept:
        return []
    report: Report = []
    changes = []
    for name, wrong in _wrong_configs(admin, kept, replication).items():
        entries = [ConfigEntry(key, value, incremental_operation=AlterConfigOpType.SET) for key, value in wrong.items()]
        changes.append(ConfigResource(ConfigResource.Type.TOPIC, name, incremental_configs=entries))
        report.append(f"topic {name}: {', '.join(sorted(wrong))} set")
    if changes:
        for future in admin.incremental_alter_configs(changes).values():
            future.result(TIMEOUT)
    return report


def _wrong_configs(admin: AdminClient, kept: Mapping[str, Topic], replication: int) -> dict[str, dict[str, str]]:
    """What is declared of existing topics and is not so, by topic."""
    wrong = {}
    asked = admin.describe_configs([ConfigResource(ConfigResource.Type.TOPIC, name) for name in kept]) if kept else {}
    for resource, future in asked.items():
        found = future.result(TIMEOUT)
        declared = _config(kept[resource.name], replication).items()
        other = {key: value for key, value in declared if key not in found or found[key].value != value}
        if other:
            wrong[resource.name] = other
    return wrong


def _ensure_users(admin: AdminClient, passwords: Mapping[str, str]) -> None:
    """Give users these passwords. A known user's is set again: a stored hash cannot be compared."""
    if not passwords:
        return
    info = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, SCRAM_ITERATIONS)
    changes = [UserScramCredentialUpsertion(user, info, password.encode()) for user, password in passwords.items()]
    for future in admin.alter_user_scram_credentials(changes).values():
        future.result(TIMEOUT)
    for user in passwords:
        _settle(lambda user=user: _has_password(admin, user), f"user {user} to be known")  # type: ignore[misc]


def _ensure_rights(admin: AdminClient, user: str, wanted: set[AclBinding]) -> Report:
    present = _rights(admin, user)
    missing, surplus = wanted - present, present - wanted
    if missing:
        for future in admin.create_acls(list(missing)).values():
            future.result(TIMEOUT)
    if surplus:
        for future in admin.delete_acls([_filter_of(right) for right in surplus]).values():
            future.result(TIMEOUT)
    if not (missing or surplus):
        return []
    _settle(lambda: _rights(admin, user) == wanted, f"rights of {user}")
    return [f"user {user}: {len(missing)} rights given, {len(surplus)} taken away"]


def _rights(admin: AdminClient, user: str) -> set[AclBinding]:
    return _allowed(admin, f"User:{user}")


def _allowed(admin: AdminClient, principal: str | None) -> set[AclBinding]:
    """What somebody, or anybody, may."""
    every = AclBindingFilter(
        ResourceType.ANY,
        None,
        ResourcePatternType.ANY,
        principal,
        None,
        AclOperation.ANY,
        AclPermissionType.ALLOW,
    )
    return set(admin.describe_acls(every, request_timeout=TIMEOUT).result(TIMEOUT))


def _filter_of(right: AclBinding) -> AclBindingFilter:
    return AclBindingFilter(
        right.restype,
        right.name,
        right.resource_pattern_type,
        right.principal,
        right.host,
        right.operation,
        right.permission_type,
    )


def _has_password(admin: AdminClient, user: str) -> bool:
    try:
        admin.describe_user_scram_credentials([user])[user].result(TIMEOUT)
    except KafkaException as error:
        if error.args[0].code() == KafkaError.RESOURCE_NOT_FOUND:
            return False
        raise
    return True


def _futures(asked: Mapping[object, Future[object]]) -> None:
    for future in asked.values():
        future.result(TIMEOUT)


def _led(admin: AdminClient, names: set[str]) -> bool:
    topics = admin.list_topics(timeout=TIMEOUT).topics
    return all(
        name in topics and all(partition.leader >= 0 for partition in topics[name].partitions.values())
        for name in names
    )


def _done_or_existed(result: Callable[[float], object]) -> bool:
    """Whether a topic was made by us; another administrator may have been faster."""
    try:
        result(TIMEOUT)
    except KafkaException as error:
        if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
            raise
        return False
    return True


def _settle(condition: Callable[[], bool], what: str) -> None:
    """Wait for a change to reach the broker: it is acknowledged when the controller has it, a moment before."""
    deadline = time.monotonic() + TIMEOUT
    while not condition():
        if time.monotonic() > deadline:
            raise ProvisioningError(f"waited {TIMEOUT:.0f} s in vain for {what}")
        time.sleep(POLL_SECONDS)
