//! Records of other families that share a stream with agent events: contact records and contact events.
//!
//! Made up, in the shape of real ones; they tell nothing of what the agents act out.

use crate::agent::Agent;
use crate::instance::Instance;
use crate::random::Random;
use crate::text::push_moment;

/// Appends a contact record (CTR) as a line. Its times have no fractions, as in real ones.
pub(crate) fn push_contact_record(out: &mut Vec<u8>, instance: &Instance, agent: &Agent, random: &mut Random) {
    let contact = text(&random.uuid());
    let (account, arn, agent_arn) = (&instance.account, &instance.arn, &agent.arn);
    let profile = &instance.profiles[usize::from(agent.setup.profile)];
    let queue = &instance.queues[profile.queues[random.below(profile.queues.len())]].brief;
    let ended = agent.latest;
    let work = random.between(3, 60);
    let talk = random.between(20, 400);
    let answered = ended - (work + talk) * 1_000;
    let begun = second(answered - 20_000);
    let (answered, left, ended) = (second(answered), second(ended - work * 1_000), second(ended));
    let line = format!(
        concat!(
            r#"{{"AWSAccountId":"{account}","AWSContactTraceRecordFormatVersion":"2017-03-10","Agent":{{"ARN":"{agent_arn}","#,
            r#""AfterContactWorkDuration":{work},"AfterContactWorkEndTimestamp":"{ended}","AfterContactWorkStartTimestamp":"{left}","#,
            r#""AgentInteractionDuration":{talk},"ConnectedToAgentTimestamp":"{answered}","CustomerHoldDuration":0,"#,
            r#""HierarchyGroups":null,"LongestHoldDuration":0,"NumberOfHolds":0}},"AgentConnectionAttempts":1,"Attributes":{{}},"#,
            r#""Channel":"VOICE","ContactId":"{contact}","DisconnectReason":"CUSTOMER_DISCONNECT","DisconnectTimestamp":"{left}","#,
            r#""InitialContactId":null,"InitiationMethod":"INBOUND","InitiationTimestamp":"{begun}","InstanceARN":"{arn}","#,
            r#""LastUpdateTimestamp":"{ended}","NextContactId":null,"PreviousContactId":null,"Queue":{queue},"Recordings":null,"#,
            r#""ScheduledTimestamp":null,"SystemEndpoint":{{"Address":"+15550100","Type":"TELEPHONE_NUMBER"}},"Tags":{{}}}}"#,
        ),
        account = account,
        agent_arn = agent_arn,
        work = work,
        talk = talk,
        ended = ended,
        left = left,
        answered = answered,
        contact = contact,
        begun = begun,
        arn = arn,
        queue = queue,
    );
    out.extend_from_slice(line.as_bytes());
    out.push(b'\n');
}

/// Appends an EventBridge contact event as a line.
pub(crate) fn push_contact_event(out: &mut Vec<u8>, instance: &Instance, agent: &Agent, random: &mut Random) {
    let (id, contact) = (text(&random.uuid()), text(&random.uuid()));
    let (account, arn, agent_arn) = (&instance.account, &instance.arn, &agent.arn);
    let time = second(agent.latest);
    let initiated = moment(agent.latest - random.seconds(5, 300));
    let connected = moment(agent.latest);
    let line = format!(
        concat!(
            r#"{{"version":"0","id":"{id}","detail-type":"Amazon Connect Contact Event","source":"aws.connect","account":"{account}","#,
            r#""time":"{time}","region":"us-west-2","resources":["{arn}","{arn}/contact/{contact}"],"#,
            r#""detail":{{"eventType":"CONNECTED_TO_AGENT","contactId":"{contact}","channel":"VOICE","instanceArn":"{arn}","#,
            r#""initiationMethod":"INBOUND","agentInfo":{{"agentArn":"{agent_arn}","connectedToAgentTimestamp":"{connected}"}},"#,
            r#""initiationTimestamp":"{initiated}","tags":{{}}}}}}"#,
        ),
        id = id,
        account = account,
        time = time,
        arn = arn,
        contact = contact,
        agent_arn = agent_arn,
        connected = connected,
        initiated = initiated,
    );
    out.extend_from_slice(line.as_bytes());
    out.push(b'\n');
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn moment(millis: i64) -> String {
    let mut out = Vec::new();
    push_moment(&mut out, millis);
    text(&out)
}

/// A moment without a fraction.
fn second(millis: i64) -> String {
    moment(millis).replacen(&format!(".{:03}", millis.rem_euclid(1_000)), "", 1)
}
