"""Comparisons of network tables: the connections that policies allow, declared, computed or observed."""

from validation.policies.declared import Connections, Topology, declared, format_connections, format_table
from validation.policies.evaluator import Policy
from validation.record.observe import Observe

POLICIES = 12
REMEDY = "chart/templates/networkpolicies.yaml, or validation/policies/declared.toml"


def observe_as_declared(topology: Topology, table: Connections, observe: Observe) -> None:
    """Record that a table is the declared one."""
    allowed, found = declared().allowed_among(topology.in_scope), table & topology.in_scope
    observe("connections declared allowed, of those in scope", expected="some", observed=f"{len(allowed)} of {len(topology.in_scope)}",
            holds=bool(allowed), evidence=format_table(topology.in_scope, found))  # fmt: skip
    observe("allowed, but declared denied", expected=[], observed=format_connections(found - allowed), remedy=REMEDY)
    observe("denied, but declared allowed", expected=[], observed=format_connections(allowed - found), remedy=REMEDY)


def observe_necessary(policy: Policy, with_all: Connections, without: Connections, observe: Observe) -> None:
    """Record that the table changes when a policy is removed."""
    changes = [f"allows {one}" for one in format_connections(without - with_all)]
    changes += [f"denies {one}" for one in format_connections(with_all - without)]
    observe(f"effect of removing {policy}", expected="another table", observed=changes or "the same table", holds=bool(changes),
            remedy="remove the policy if it protects nothing: chart/templates/networkpolicies.yaml")  # fmt: skip
