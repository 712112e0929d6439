//! Payloads that are no agent events, each by its family.

use serde_json::Value;
use tributary_core::{Rejection, SkipReason, TableBatch, Timestamp};
use tributary_framing::Envelope;

use super::{ConnectDecoder, Outcome, Place, parse};
use crate::case;
use crate::contact::ContactEvent;
use crate::flow::Line;
use crate::test_case;

impl ConnectDecoder {
    pub(super) fn case(&mut self, place: Place<'_>, text: &str, read_at: Timestamp, outcome: &mut Outcome) -> u32 {
        let bytes = text.as_bytes();
        let value = match parse(place, text) {
            Ok(value) => value,
            Err(rejection) => return outcome.reject(*rejection),
        };
        let lookups = self.cases.lookups();
        let event = match case::Event::read(&value, &lookups, &mut self.unknown) {
            Ok(event) => event,
            Err(refused) => return outcome.reject(place.refused(refused, bytes)),
        };
        if !self.cases.takes(&event.change) {
            return outcome.skip(SkipReason::Case);
        }
        let at = match place.usable(event.at, "detail.approximateChangeTime", bytes) {
            Ok(at) => at,
            Err(rejection) => return outcome.reject(*rejection),
        };
        let key = self.cases.push_event(&event, (at, read_at), outcome.owner(), &mut self.unknown);
        outcome.made(key, at, place.arrival);
        outcome.count(&self.unknown);
        1
    }

    pub(super) fn audit(&mut self, mut place: Place<'_>, text: &str, read_at: Timestamp, outcome: &mut Outcome) -> u32 {
        let value = match parse(place, text) {
            Ok(value) => value,
            Err(rejection) => return outcome.reject(*rejection),
        };
        let answer = case::Answer::read(&value, &mut self.unknown);
        for event in answer.events() {
            if let Err(rejection) = self.audit_event(place, (answer, event), read_at, outcome) {
                outcome.rejected.push(*rejection);
            }
            place.index += 1;
        }
        outcome.count(&self.unknown);
        match u32::try_from(answer.events().len()) {
            Ok(units) if units > 0 => units,
            _ => outcome.skip(SkipReason::EmptyWrapper),
        }
    }

    fn audit_event(
        &mut self,
        place: Place<'_>,
        (answer, value): (case::Answer<'_>, &Value),
        read_at: Timestamp,
        outcome: &mut Outcome,
    ) -> Result<(), Box<Rejection>> {
        let lookups = self.cases.lookups();
        let event = answer.event(value, &lookups, &mut self.unknown);
        let event = event.map_err(|refused| Box::new(place.refused(refused, &answer.alone(value))))?;
        let at = place.usable(event.at, "auditEvents.performedTime", &answer.alone(value))?;
        let key = self.cases.push_audit(&event, (at, read_at), outcome.owner(), &mut self.unknown);
        outcome.made(key, at, place.arrival);
        Ok(())
    }

    pub(super) fn flow_line(
        &mut self,
        place: Place<'_>,
        (text, envelope): (&str, &Envelope),
        read_at: Timestamp,
        outcome: &mut Outcome,
    ) -> u32 {
        let bytes = text.as_bytes();
        let value = match parse(place, text) {
            Ok(value) => value,
            Err(rejection) => return outcome.reject(*rejection),
        };
        let lookups = self.cases.lookups();
        let line = match Line::read(&value, envelope, bytes, &lookups, &mut self.unknown) {
            Ok(line) => line,
            Err(refused) => return outcome.reject(place.refused(refused, bytes)),
        };
        let at = match place.usable(line.at, "Timestamp", bytes) {
            Ok(at) => at,
            Err(rejection) => return outcome.reject(*rejection),
        };
        let key = self.lines.push(line, (at, read_at), outcome.owner());
        outcome.made(key, at, place.arrival);
        outcome.count(&self.unknown);
        1
    }

    pub(super) fn contact(&mut self, place: Place<'_>, text: &str, read_at: Timestamp, outcome: &mut Outcome) -> u32 {
        let bytes = text.as_bytes();
        let value = match parse(place, text) {
            Ok(value) => value,
            Err(rejection) => return outcome.reject(*rejection),
        };
        let event = match ContactEvent::read(&value, &mut self.unknown) {
            Ok(event) => event,
            Err(refused) => return outcome.reject(place.refused(refused, bytes)),
        };
        let at = match place.usable(event.at, "time", bytes) {
            Ok(at) => at,
            Err(rejection) => return outcome.reject(*rejection),
        };
        let key = self.contacts.push(&event, (at, read_at), outcome.owner());
        outcome.made(key, at, place.arrival);
        outcome.count(&self.unknown);
        1
    }

    pub(super) fn test_cases(
        &mut self,
        mut place: Place<'_>,
        text: &str,
        read_at: Timestamp,
        outcome: &mut Outcome,
    ) -> u32 {
        let value = match parse(place, text) {
            Ok(value) => value,
            Err(rejection) => return outcome.reject(*rejection),
        };
        let answer = test_case::Answer::read(&value, &mut self.unknown);
        for execution in answer.executions() {
            if let Err(rejection) = self.test_case(place, (&answer, execution), read_at, outcome) {
                outcome.rejected.push(*rejection);
            }
            place.index += 1;
        }
        outcome.count(&self.unknown);
        match u32::try_from(answer.executions().len()) {
            Ok(units) if units > 0 => units,
            _ => outcome.skip(SkipReason::EmptyWrapper),
        }
    }

    fn test_case(
        &mut self,
        place: Place<'_>,
        (answer, value): (&test_case::Answer<'_>, &Value),
        read_at: Timestamp,
        outcome: &mut Outcome,
    ) -> Result<(), Box<Rejection>> {
        let execution = answer.execution(value, &mut self.unknown);
        let execution = execution.map_err(|refused| Box::new(place.refused(refused, &answer.alone(value))))?;
        let start = place.usable(execution.start, "TestCaseExecutions.StartTime", &answer.alone(value))?;
        let key = self.results.push(&execution, (start, read_at), outcome.owner());
        outcome.made(key, start, place.arrival);
        Ok(())
    }

    /// The rows of every family but that of agents, with their owners.
    pub(super) fn others(&mut self) -> Result<Vec<(TableBatch, Vec<u32>)>, arrow_schema::ArrowError> {
        let mut others = self.cases.finish()?;
        others.extend(self.lines.finish()?);
        others.extend(self.contacts.finish()?);
        others.extend(self.results.finish()?);
        Ok(others)
    }
}
