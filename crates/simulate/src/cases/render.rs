//! Events of EventBridge, as the Cases service sends them.
//!
//! The shape is that of the admin guide ("Case event streams: sample payload") and, for related items that it does not
//! show, of the unions of the Cases API.

use crate::agent::Marks;
use crate::cases::case::{Actor, Case, Happening};
use crate::cases::domain::{Domain, ENTITIES, REGION, TEXTS, text};
use crate::cases::fields::{Union, fields, item_fields};
use crate::cases::item::{Content, Item, Sla};
use crate::random::{Random, Uuid};
use crate::text::{moment, push_moment};

/// Appends the event `id` of `at` as a line.
pub(crate) fn push_event(
    out: &mut Vec<u8>,
    (domain, case, happening): (&Domain, &Case, &Happening),
    (id, at): (&Uuid, i64),
    random: &mut Random,
) -> Marks {
    push(out, r#"{"version":"0","id":""#);
    let marked_id = out.len();
    out.extend_from_slice(id);
    let is_old = domain.old_spelling.happens(random);
    let kind = if is_old { "Amazon Connect Cases Event" } else { "Amazon Connect Cases Change" };
    let (account, arn) = (&domain.account, &domain.arn);
    push(out, &format!(r#"","detail-type":"{kind}","source":"aws.cases","account":"{account}","time":""#));
    // Published up to half an hour after the change, and written without a fraction.
    push_second(out, at + random.seconds(1, 1_800) + 1_000);
    let case_id = text(&case.id);
    push(out, &format!(r#"","region":"{REGION}","resources":["{arn}","{arn}/case/{case_id}"#));
    if let Some(item) = happening.item() {
        push(out, "/related-item/");
        out.extend_from_slice(&item.id);
    }
    push(out, r#""],"detail":{"version":"0","eventType":""#);
    push(out, happening.event_type());
    push(out, r#"","approximateChangeTime":""#);
    let timestamp = out.len();
    push_moment(out, at);
    push(out, "\"");
    push_changes(out, case, happening, domain);
    if let Some(actor) = actor_json(domain, case.actor) {
        push(out, &format!(r#","performedBy":{actor}"#));
    }
    match happening.item() {
        Some(item) => push_item(out, (domain, case, item), happening, random),
        None => push_case(out, domain, case, happening),
    }
    push(out, "}}\n");
    Marks { id: marked_id, timestamp }
}

impl Happening {
    pub(crate) fn item(&self) -> Option<&Item> {
        match self {
            Self::ItemCreated(item) | Self::ItemUpdated(item) | Self::ItemDeleted(item) => Some(item),
            Self::Created | Self::Updated(_) | Self::Deleted => None,
        }
    }

    /// As the service writes it.
    pub(crate) fn event_type(&self) -> &'static str {
        match self {
            Self::Created => "CASE.CREATED",
            Self::Updated(_) => "CASE.UPDATED",
            Self::Deleted => "CASE.DELETED",
            Self::ItemCreated(_) => "RELATED_ITEM.CREATED",
            Self::ItemUpdated(_) => "RELATED_ITEM.UPDATED",
            Self::ItemDeleted(_) => "RELATED_ITEM.DELETED",
        }
    }
}

fn push(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(text.as_bytes());
}

/// A moment without a fraction.
fn push_second(out: &mut Vec<u8>, millis: i64) {
    push_moment(out, millis);
    out.truncate(out.len() - ".000Z".len());
    out.push(b'Z');
}

fn push_changes(out: &mut Vec<u8>, case: &Case, happening: &Happening, domain: &Domain) {
    let changes: Vec<&str> = match happening {
        Happening::Created => fields(domain, case).into_iter().map(|(id, _)| id).collect(),
        Happening::Updated(changed) => changed.iter().map(String::as_str).collect(),
        Happening::Deleted => Vec::new(),
        // The guide's example names the text otherwise than the payload does.
        Happening::ItemCreated(Item { content: Content::Comment { .. }, .. }) => vec!["comment.commentText"],
        Happening::ItemCreated(item) | Happening::ItemUpdated(item) => vec![item.names().key],
        Happening::ItemDeleted(_) => Vec::new(),
    };
    push(out, if happening.item().is_some() { r#","changedAttributes":["# } else { r#","changedFieldIds":["# });
    for (place, change) in changes.iter().enumerate() {
        push(out, if place == 0 { "\"" } else { ",\"" });
        push(out, change);
        push(out, "\"");
    }
    push(out, "]");
}

/// Who did it, where the event says so.
pub(crate) fn actor_json(domain: &Domain, actor: Actor) -> Option<String> {
    let principal = &domain.principal;
    match actor {
        Actor::Unknown => None,
        Actor::Principal => Some(format!(r#"{{"iamPrincipalArn":"{principal}"}}"#)),
        Actor::User(user) => {
            let user = &domain.staff[user];
            Some(format!(r#"{{"user":{{"userArn":"{user}"}},"iamPrincipalArn":"{principal}"}}"#))
        }
        Actor::Entity(entity) => {
            let entity = ENTITIES[entity];
            Some(format!(r#"{{"user":{{"customEntity":"{entity}"}},"iamPrincipalArn":"{principal}"}}"#))
        }
    }
}

fn push_case(out: &mut Vec<u8>, domain: &Domain, case: &Case, happening: &Happening) {
    let (id, template) = (text(&case.id), &domain.templates[case.template].id);
    let created = moment(case.created);
    push(out, &format!(r#","case":{{"caseId":"{id}","templateId":"{template}","createdDateTime":"{created}""#));
    // Nothing is left of a case that is deleted.
    if *happening != Happening::Deleted {
        push(out, r#","fields":{"#);
        for (place, (field, value)) in fields(domain, case).iter().enumerate() {
            let comma = if place == 0 { "" } else { "," };
            push(out, &format!(r#"{comma}"{field}":{{"value":{}}}"#, value.json()));
        }
        push(out, "}");
    }
    push(out, "}");
}

fn push_item(
    out: &mut Vec<u8>,
    (domain, case, item): (&Domain, &Case, &Item),
    happening: &Happening,
    random: &mut Random,
) {
    let (id, case_id, created) = (text(&item.id), text(&case.id), moment(item.created));
    let names = item.names();
    // Real events differ from the model in the case of these letters.
    let kind = if random.chance(200) { names.key } else { names.api };
    push(out, &format!(r#","relatedItem":{{"relatedItemType":"{kind}","relatedItemId":"{id}","caseId":"{case_id}","#));
    push(out, &format!(r#""createdDateTime":"{created}""#));
    if !matches!(happening, Happening::ItemDeleted(_)) {
        push(out, &format!(r#","{}":"#, names.key));
        push_content(out, domain, item, random);
    }
    push(out, "}");
}

fn push_content(out: &mut Vec<u8>, domain: &Domain, item: &Item, random: &mut Random) {
    let json = match &item.content {
        Content::Comment { text, times, says_type } => {
            let body = vec![TEXTS[*text]; *times].join(" ");
            let kind = if *says_type { r#","contentType":"Text/Plain""# } else { "" };
            format!(r#"{{"body":"{body}"{kind}}}"#)
        }
        Content::Contact { id, channel } => {
            let (arn, id) = (&domain.instance_arn, text(id));
            format!(r#"{{"contactArn":"{arn}/contact/{id}","channel":"{channel}"}}"#)
        }
        Content::File { id } => {
            let (arn, id) = (&domain.instance_arn, text(id));
            format!(r#"{{"fileArn":"{arn}/file/{id}"}}"#)
        }
        Content::Sla(sla) => sla_json(sla),
        Content::Case { id } => format!(r#"{{"caseId":"{}"}}"#, text(id)),
        Content::Custom { .. } => custom_json(&item_fields(domain, item), random),
    };
    push(out, &json);
}

/// A list, as in the API; sometimes a map, as of a case.
fn custom_json(values: &[(&str, Union)], random: &mut Random) -> String {
    let values = values.iter().map(|(id, value)| (id, value.json()));
    if random.chance(200) {
        let values: Vec<String> = values.map(|(id, value)| format!(r#""{id}":{{"value":{value}}}"#)).collect();
        return format!(r#"{{"fields":{{{}}}}}"#, values.join(","));
    }
    let values: Vec<String> = values.map(|(id, value)| format!(r#"{{"id":"{id}","value":{value}}}"#)).collect();
    format!(r#"{{"fields":[{}]}}"#, values.join(","))
}

fn sla_json(sla: &Sla) -> String {
    let (name, status, target) = (sla.name, sla.status.name(), moment(sla.target));
    let completed = sla.completed.map_or_else(String::new, |at| format!(r#","completionTime":"{}""#, moment(at)));
    format!(
        concat!(
            r#"{{"slaConfiguration":{{"name":"{name}","type":"CaseField","status":"{status}","fieldId":"status","#,
            r#""targetFieldValues":[{{"stringValue":"closed"}}],"targetTime":"{target}"{completed}}}}}"#
        ),
        name = name,
        status = status,
        target = target,
        completed = completed,
    )
}
