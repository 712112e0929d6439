//! What is true of audit events of cases: a line for each row that `case_field_changes` is to have.

use crate::cases::audit::{AuditEvent, AuditTally, Change};
use crate::cases::case::Actor;
use crate::cases::domain::{Domain, ENTITIES};
use crate::cases::fields::Union;
use crate::random::Uuid;
use crate::truth::Truth;

impl Truth<'_> {
    /// An audit event: a line for each of its fields, or one without a field.
    pub(crate) fn audit(&mut self, domain: &Domain, case: &Uuid, event: &AuditEvent) {
        if event.changes.is_empty() {
            self.change(domain, case, event, None);
        }
        for change in &event.changes {
            self.change(domain, case, event, Some(change));
        }
    }

    /// How much was answered.
    pub(crate) fn audits(&mut self, tally: &AuditTally) {
        self.buffer.extend_from_slice(b"{\"kind\":\"audits\"");
        self.number("answers", tally.answers);
        self.number("audit_events", tally.events);
        self.number("rows", tally.rows);
        self.counts("event_types", tally.event_types.iter().map(|(name, count)| (*name, *count)));
        self.buffer.extend_from_slice(b"}\n");
    }

    fn change(&mut self, domain: &Domain, case: &Uuid, event: &AuditEvent, change: Option<&Change>) {
        self.buffer.extend_from_slice(b"{\"kind\":\"audit\"");
        self.text("instance_id", domain.instance_id.as_bytes());
        self.text("domain_id", domain.id.as_bytes());
        self.text("case_id", case);
        self.text("event_id", &event.id);
        self.moment("performed_timestamp", Some(event.at));
        self.text("event_type", event.kind.lake().as_bytes());
        self.maybe("related_item_type", event.item.map(|names| names.lake));
        self.maybe("field_id", change.map(|change| change.field.as_str()));
        self.value(["old_type", "old_value"], change.and_then(|change| change.old.as_ref()));
        self.value(["new_type", "new_value"], change.map(|change| &change.new));
        self.actor(domain, event.actor);
        self.buffer.extend_from_slice(b"}\n");
    }

    fn value(&mut self, [kind, key]: [&str; 2], value: Option<&Union>) {
        self.maybe(kind, value.map(Union::kind));
        self.key(key);
        let literal = value.and_then(Union::literal);
        self.buffer.extend_from_slice(literal.as_deref().unwrap_or("null").as_bytes());
    }

    fn actor(&mut self, domain: &Domain, actor: Actor) {
        let user = match actor {
            Actor::User(place) => Some(domain.staff[place].as_str()),
            _ => None,
        };
        let entity = match actor {
            Actor::Entity(place) => Some(ENTITIES[place]),
            _ => None,
        };
        self.maybe("performed_by_iam_principal", (actor != Actor::Unknown).then_some(domain.principal.as_str()));
        self.maybe("performed_by_user_arn", user);
        self.maybe("performed_by_custom_entity", entity);
    }
}
