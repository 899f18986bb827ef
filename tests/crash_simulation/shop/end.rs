//! What must be true of every order once the dust has settled.

use email_service::EMAILS;
use fanout_processes::{CANCELLED_BY_OPERATOR, Status};
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
            let status = shop
                .processes
                .get(order)
                .map(|it| it.instance.status.as_str());
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
    let status = process.instance.status;
    let mut found = Vec::new();
    let mut expect = |what: &str, holds: bool| {
        if !holds {
            let status = status.as_str();
            found.push(format!(
                "{order} is {status}: {what} (captured {ever}, kept {kept}, reservation {reservation:?}, shipped {shipped}, mails {mails:?})"
            ));
        }
    };
    expect("it must come to an end", !status.is_open());
    // What operators take upon themselves need not fit; but nothing is done twice.
    if shop.is_by_hand(order) {
        expect("it is paid once at most", ever <= 1);
        expect(
            "there is one mail of each kind at most",
            mails.0 <= 1 && mails.1 <= 1,
        );
        return found;
    }
    match status {
        Status::Completed => {
            expect("it is paid once, and that is kept", (ever, kept) == (1, 1));
            expect(
                "its items have left",
                reservation == Some("shipped") && shipped,
            );
            expect("it is confirmed by one mail", mails == (1, 0));
            expect("nothing was against it", shop.kinds[&number] == Kind::Fine);
        }
        Status::Compensated => {
            expect("nothing of its money is kept", kept == 0);
            expect(
                "nothing is reserved",
                !matches!(reservation, Some("reserved" | "shipped")),
            );
            expect("nothing was shipped", !shipped);
            expect("it is called off by one mail", mails == (0, 1));
            let why = process.instance.failure.as_ref();
            let why = why.map_or("", |why| why.reason.as_str());
            expect(
                &format!("not for {why}"),
                may_be_why(shop.kinds[&number], why),
            );
        }
        Status::Running | Status::Compensating | Status::Stuck | Status::Abandoned => {}
    }
    found
}

/// Whether an order of this kind may have been called off for this reason.
fn may_be_why(kind: Kind, reason: &str) -> bool {
    match reason {
        "declined" => kind == Kind::Declined,
        "country_not_served" => matches!(kind, Kind::Nowhere | Kind::Unrefundable),
        "unknown_product" => kind == Kind::Unknown,
        "out_of_stock" => kind != Kind::Unknown,
        "timed_out" | "cancelled_by_user" | CANCELLED_BY_OPERATOR => true,
        _ => false,
    }
}
