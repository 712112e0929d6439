//! What is answered to which call.

use serde_json::{Value, json};

use super::{Case, CasesCall, CasesDomain, HistoryOrder, PAGE, text};
use crate::ServiceFault;
use crate::service::{Answered, page, set_token};

fn absent(kind: &str, id: &str) -> Answered {
    let body = json!({ "message": format!("no {kind}"), "resourceId": id, "resourceType": kind });
    Answered { status: 404, code: Some("ResourceNotFoundException"), body }
}

/// Answers the call at this path.
pub(super) fn answer(domain: &mut CasesDomain, path: &str, asked: Value) -> Answered {
    domain.number += 1;
    if let Some(act) = domain.acts.remove(&domain.number) {
        act(domain);
    }
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let asked = with_query(asked, query);
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    let (operation, case) = match parts.as_slice() {
        ["domains-list"] => ("ListDomains", None),
        ["domains", _] => ("GetDomain", None),
        ["domains", _, "fields-list"] => ("ListFields", None),
        ["domains", _, "templates-list"] => ("ListTemplates", None),
        ["domains", _, "cases-search"] => ("SearchCases", None),
        ["domains", _, "cases", case, "audit-history"] => ("GetCaseAuditEvents", Some((*case).to_owned())),
        _ => return Answered::refused(404, "UnknownOperationException", path),
    };
    let answered = match ServiceFault::answer(&domain.faults, operation, domain.number) {
        Some(answered) => answered,
        None if operation == "ListDomains" => list("domains", &[summary(&domain.id)], &asked, 10),
        None if parts.get(1) != Some(&domain.id.as_str()) => absent("domain", path),
        None => match (operation, &case) {
            (_, Some(case)) => history(domain, case, &asked),
            ("SearchCases", _) => search(domain, &asked),
            ("ListFields", _) => list("fields", &fields(domain), &asked, 100),
            ("ListTemplates", _) => list("templates", &templates(domain), &asked, 100),
            _ => Answered::with(described(&domain.id)),
        },
    };
    let Answered { status, code, body } = &answered;
    domain.calls.push(CasesCall { operation, case, asked, status: *status, code: *code, answered: body.clone() });
    answered
}

/// What was asked, with what stands in the query beside the body.
fn with_query(mut asked: Value, query: &str) -> Value {
    for (name, text) in query.split('&').filter_map(|pair| pair.split_once('=')) {
        let value = text.parse::<u64>().map_or_else(|_| json!(text), |number| json!(number));
        // A token is a text, whatever it looks like.
        let value = if name == "nextToken" { json!(text) } else { value };
        if let Some(members) = asked.as_object_mut() {
            members.insert(name.to_owned(), value);
        }
    }
    asked
}

/// A page of a list.
fn list(name: &str, items: &[Value], asked: &Value, limit: usize) -> Answered {
    let Some(most) = most(asked, limit) else { return Answered::refused(400, "ValidationException", "maxResults") };
    let (page, next) = page(items, asked.get("nextToken").and_then(Value::as_str), most);
    let mut body = json!({ name: page });
    set_token(&mut body, "nextToken", next);
    Answered::with(body)
}

fn arn(id: &str) -> String {
    format!("arn:aws:cases:eu-central-1:123456789012:domain/{id}")
}

fn summary(id: &str) -> Value {
    json!({ "domainId": id, "domainArn": arn(id), "name": "service" })
}

fn fields(domain: &CasesDomain) -> Vec<Value> {
    let field = |(id, (name, kind)): (&String, &(String, String))| {
        let arn = format!("{}/field/{id}", arn(&domain.id));
        json!({ "fieldId": id, "fieldArn": arn, "name": name, "type": kind, "namespace": "Custom" })
    };
    domain.fields.iter().map(field).collect()
}

fn templates(domain: &CasesDomain) -> Vec<Value> {
    let template = |(id, name): (&String, &String)| {
        let arn = format!("{}/template/{id}", arn(&domain.id));
        json!({ "templateId": id, "templateArn": arn, "name": name, "status": "Active" })
    };
    domain.templates.iter().map(template).collect()
}

fn described(id: &str) -> Value {
    json!({
        "domainId": id,
        "domainArn": arn(id),
        "name": "service",
        "createdTime": text(1_700_000_000_000),
        "domainStatus": "Active",
    })
}

/// The cases in the order of their last change; a token counts from the beginning of the list as it is when it comes back.
fn search(domain: &CasesDomain, asked: &Value) -> Answered {
    let Some(most) = most(asked, 100) else { return Answered::refused(400, "ValidationException", "maxResults") };
    if asked.pointer("/sorts/0") != Some(&json!({ "fieldId": "last_updated_datetime", "sortOrder": "Asc" })) {
        return Answered::refused(400, "ValidationException", "sorts");
    }
    let since = match asked.get("filter") {
        None => i64::MIN,
        Some(filter) => match filter.pointer("/field/greaterThanOrEqualTo").and_then(moment) {
            Some(since) => since,
            None => return Answered::refused(400, "ValidationException", "filter"),
        },
    };
    let mut found: Vec<(&String, &Case)> = domain.cases.iter().filter(|(_, case)| case.updated >= since).collect();
    found.sort_by_key(|(id, case)| (case.updated, (*id).clone()));
    let listed = |(id, case): &(&String, &Case)| {
        let field = json!({ "id": "last_updated_datetime", "value": { "stringValue": text(case.updated) } });
        json!({ "caseId": id, "templateId": "t-1", "fields": [field], "tags": {} })
    };
    let (page, next) = page(&found, token(asked), most);
    let mut body = json!({ "cases": page.iter().map(listed).collect::<Vec<_>>(), "totalCount": found.len() });
    set_token(&mut body, "nextToken", next);
    Answered::with(body)
}

/// The moment of a filter.
fn moment(value: &Value) -> Option<i64> {
    if value.get("id")? != "last_updated_datetime" {
        return None;
    }
    let text = value.pointer("/value/stringValue")?.as_str()?;
    Some(chrono::DateTime::parse_from_rfc3339(text).ok()?.timestamp_millis())
}

fn history(domain: &CasesDomain, case: &str, asked: &Value) -> Answered {
    let Some(most) = most(asked, PAGE) else { return Answered::refused(400, "ValidationException", "maxResults") };
    let Some(found) = domain.cases.get(case) else { return absent("case", case) };
    let mut events = found.events.clone();
    if domain.order == HistoryOrder::NewestFirst {
        events.reverse();
    }
    let (page, next) = page(&events, token(asked), most);
    let mut body = json!({ "auditEvents": page });
    set_token(&mut body, "nextToken", next);
    Answered::with(body)
}

/// `maxResults`, if it is one that the operation takes.
fn most(asked: &Value, limit: usize) -> Option<usize> {
    let Some(most) = asked.get("maxResults") else { return Some(limit) };
    let most = usize::try_from(most.as_u64()?).ok()?;
    (1..=limit).contains(&most).then_some(most)
}

fn token(asked: &Value) -> Option<&str> {
    asked.get("nextToken").and_then(Value::as_str)
}
