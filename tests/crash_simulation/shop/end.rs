//! What must be true of every order once the dust has settled.

use email_service::EMAILS;
use fanout_store::{Documents, Query, all_documents};

use super::orders::{customer, total};
use super::{Kind, Shop};
use crate::crash_simulation::sim::Sim;

/// Checks every order. `nothing_failed`: nothing was late, lost or dead, either.
pub(crate) async fn check(sim: &Sim, store: &dyn Documents, nothing_failed: bool) {
    let records = all_documents(store, Query::of(EMAILS)).await.unwrap();
    let text = |record: &fanout_store::Document, name| record.fields.text(name).unwrap().to_owned();
    let records = records.iter();
    let records: Vec<(String, String)> = records
        .map(|record| (text(record, "user_id"), text(record, "template")))
        .collect();
    let found = {
        let facts = sim.facts();
        let shop = &facts.shop;
        let mut found = Vec::new();
        for (number, order) in &shop.accepted {
            if !shop.orders.contains_key(order) {
                found.push(format!("order {number} was accepted and is not stored"));
            }
        }
        for (order, number) in &shop.orders {
            let mails = |template: &str| {
                let theirs =
                    |(user, of): &&(String, String)| *user == customer(*number) && of == template;
                records.iter().filter(theirs).count()
            };
            let mails = (mails("order_confirmation"), mails("order_cancelled"));
            found.extend(of_order(shop, order, *number, mails));
            let alone = shop.orders.len() == 1;
            let fine = shop.kinds[number] == Kind::Fine && alone && nothing_failed;
            let status = shop.processes.get(order).map(|it| it.status.as_str());
            if fine && status != Some("completed") {
                found.push(format!("{order} is {status:?} although nothing failed"));
            }
        }
        found
    };
    found.into_iter().for_each(|what| sim.violation(what));
}

/// S1, S3, S9 of one order, and that each kind ends as it must.
fn of_order(shop: &Shop, order: &str, number: u64, mails: (usize, usize)) -> Vec<String> {
    let Some(process) = shop.processes.get(order) else {
        return vec![format!("{order} has no process")];
    };
    let (ever, kept) = shop.ledger.captures(total(number));
    let reservation = shop.reservations.get(order).map(String::as_str);
    let shipped = shop.shipped.contains(order);
    let mut found = Vec::new();
    let mut expect = |what: &str, holds: bool| {
        if !holds {
            let status = &process.status;
            found.push(format!(
                "{order} is {status}: {what} (captured {ever}, kept {kept}, reservation {reservation:?}, shipped {shipped}, mails {mails:?})"
            ));
        }
    };
    match process.status.as_str() {
        "completed" => {
            expect("it is paid once, and that is kept", (ever, kept) == (1, 1));
            expect(
                "its items have left",
                reservation == Some("shipped") && shipped,
            );
            expect("it is confirmed by one mail", mails == (1, 0));
            expect("nothing was against it", shop.kinds[&number] == Kind::Fine);
        }
        "compensated" => {
            expect("nothing of its money is kept", kept == 0);
            expect(
                "nothing is reserved",
                !matches!(reservation, Some("reserved" | "shipped")),
            );
            expect("nothing was shipped", !shipped);
            expect("it is called off by one mail", mails == (0, 1));
        }
        _ => expect("it must come to an end", false),
    }
    found
}
