//! What an account is: the sum of its events, and what it can be asked to do.

use std::collections::BTreeSet;

use fanout_contracts::account::{
    AccountClosed, AccountOpened, Deposited, Direction, MovementReversed, TransferReceived,
    TransferSent, Withdrawn,
};
use fanout_contracts::{Currency, InvalidMoney, Money};
use fanout_event_sourcing::Aggregate;
use fanout_runtime::Timestamp;
use serde::{Deserialize, Serialize};

use crate::AccountEvent;

/// An account's state.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Its id; empty before it was opened.
    pub id: String,
    /// Whose it is.
    pub owner: String,
    /// Its currency; `None` before it was opened.
    pub currency: Option<Currency>,
    /// What is on it, in minor units. Below nothing only by value date: what was withdrawn may count
    /// before what was deposited.
    pub balance: i64,
    /// Whether it was closed.
    pub closed: bool,
    /// The places of the movements that were reversed.
    pub reversed: BTreeSet<u64>,
}

/// What an account can be asked to do.
#[derive(Debug, Clone)]
pub enum AccountCommand {
    /// To be.
    Open {
        /// Its id.
        id: String,
        /// Whose it is.
        owner: String,
        /// Its currency.
        currency: Currency,
    },
    /// To take money in.
    Deposit(Movement),
    /// To give money out.
    Withdraw(Movement),
    /// To give money to another account.
    Send {
        /// The transfer's id.
        transfer_id: String,
        /// The other account.
        to: String,
        /// How much.
        movement: Movement,
    },
    /// To take money from another account.
    Receive {
        /// The transfer's id.
        transfer_id: String,
        /// The other account.
        from: String,
        /// How much.
        movement: Movement,
    },
    /// To undo an earlier deposit or withdrawal.
    Reverse {
        /// Its place among the account's events.
        sequence: u64,
        /// Which way the money goes now.
        direction: Direction,
        /// How much it was.
        movement: Movement,
    },
    /// To take part in nothing any more.
    Close,
}

/// Money that is to move.
#[derive(Debug, Clone)]
pub struct Movement {
    /// How much, as a decimal in the account's currency.
    pub amount: String,
    /// The currency that is meant; `None` for the account's.
    pub currency: Option<Currency>,
    /// From when on it counts by value date, if not from its recording on.
    pub effective_at: Option<Timestamp>,
}

/// Why an account does not do what it is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It was never opened.
    #[error("there is no such account")]
    NoSuchAccount,
    /// It was opened before.
    #[error("the account is there already")]
    AlreadyOpen,
    /// It was closed.
    #[error("the account is closed")]
    Closed,
    /// There is less on it.
    #[error("there is not enough on the account")]
    InsufficientFunds,
    /// The amount is in another currency.
    #[error("the currencies differ")]
    CurrencyMismatch,
    /// The amount is none of its currency.
    #[error("the amount {0}")]
    Amount(#[from] InvalidMoney),
    /// The amount is nothing.
    #[error("the amount must be more than 0")]
    NothingToMove,
    /// The movement was reversed before.
    #[error("the movement was reversed already")]
    AlreadyReversed,
    /// A closed account's money would be nobody's.
    #[error("there is money left on the account")]
    BalanceLeft,
}

impl Account {
    /// What is on it, as a decimal.
    pub fn decimal(&self) -> String {
        let sign = if self.balance < 0 { "-" } else { "" };
        let minor = self.balance.unsigned_abs();
        let currency = self.currency.unwrap_or(Currency::USD);
        format!("{sign}{}", currency.decimal(minor))
    }

    /// The currency, of an account that can still be used.
    fn usable(&self) -> Result<Currency, Refusal> {
        let currency = self.currency.ok_or(Refusal::NoSuchAccount)?;
        if self.closed {
            return Err(Refusal::Closed);
        }
        Ok(currency)
    }

    /// The amount that is to move.
    fn amount(&self, movement: &Movement) -> Result<Money, Refusal> {
        let currency = self.usable()?;
        if movement.currency.is_some_and(|meant| meant != currency) {
            return Err(Refusal::CurrencyMismatch);
        }
        let amount = Money::parse(&movement.amount, currency)?;
        if amount.minor() == 0 {
            return Err(Refusal::NothingToMove);
        }
        Ok(amount)
    }

    /// The same, of money that comes in.
    fn incoming(&self, movement: &Movement) -> Result<Money, Refusal> {
        let amount = self.amount(movement)?;
        // What is on an account is never below nothing when it decides.
        let balance = u64::try_from(self.balance).unwrap_or_default();
        amount.plus(Money::of_minor(balance, amount.currency())?)?;
        Ok(amount)
    }

    /// The same, of money that goes out.
    fn outgoing(&self, movement: &Movement) -> Result<Money, Refusal> {
        let amount = self.amount(movement)?;
        if signed(amount) > self.balance {
            return Err(Refusal::InsufficientFunds);
        }
        Ok(amount)
    }
}

/// The events of what it is asked, if it may happen.
impl Account {
    fn opened(&self, id: &str, owner: &str, currency: Currency) -> Result<AccountEvent, Refusal> {
        if self.currency.is_some() {
            return Err(Refusal::AlreadyOpen);
        }
        Ok(AccountEvent::Opened(AccountOpened {
            account_id: id.to_owned(),
            owner: owner.to_owned(),
            currency,
        }))
    }

    fn sent(
        &self,
        transfer_id: &str,
        to: &str,
        movement: &Movement,
    ) -> Result<AccountEvent, Refusal> {
        let amount = self.outgoing(movement)?;
        Ok(AccountEvent::TransferSent(TransferSent {
            account_id: self.id.clone(),
            transfer_id: transfer_id.to_owned(),
            to: to.to_owned(),
            currency: amount.currency(),
            amount,
            effective_at: movement.effective_at,
        }))
    }

    fn received(
        &self,
        transfer_id: &str,
        from: &str,
        movement: &Movement,
    ) -> Result<AccountEvent, Refusal> {
        let amount = self.incoming(movement)?;
        Ok(AccountEvent::TransferReceived(TransferReceived {
            account_id: self.id.clone(),
            transfer_id: transfer_id.to_owned(),
            from: from.to_owned(),
            currency: amount.currency(),
            amount,
            effective_at: movement.effective_at,
        }))
    }

    fn reversal(
        &self,
        sequence: u64,
        direction: Direction,
        movement: &Movement,
    ) -> Result<AccountEvent, Refusal> {
        if self.reversed.contains(&sequence) {
            return Err(Refusal::AlreadyReversed);
        }
        let amount = match direction {
            Direction::In => self.incoming(movement)?,
            Direction::Out => self.outgoing(movement)?,
        };
        Ok(AccountEvent::MovementReversed(MovementReversed {
            account_id: self.id.clone(),
            sequence,
            direction,
            currency: amount.currency(),
            amount,
            effective_at: movement.effective_at,
        }))
    }

    fn closing(&self) -> Result<AccountEvent, Refusal> {
        self.usable()?;
        if self.balance != 0 {
            return Err(Refusal::BalanceLeft);
        }
        Ok(AccountEvent::Closed(AccountClosed {
            account_id: self.id.clone(),
        }))
    }
}

/// An amount has 15 digits at most.
fn signed(amount: Money) -> i64 {
    i64::try_from(amount.minor()).unwrap_or(i64::MAX)
}

impl Aggregate for Account {
    const FIRST: &'static str = <AccountOpened as fanout_events::EventType>::TYPE;
    const TOPIC: &'static str = <AccountOpened as fanout_events::EventType>::DOMAIN.topic;
    const STATE_SCHEMA: u32 = 1;
    type Command = AccountCommand;
    type Event = AccountEvent;
    type Refusal = Refusal;

    fn decide(&self, command: &AccountCommand) -> Result<Vec<AccountEvent>, Refusal> {
        let event = match command {
            AccountCommand::Open {
                id,
                owner,
                currency,
            } => self.opened(id, owner, *currency)?,
            AccountCommand::Deposit(movement) => {
                let amount = self.incoming(movement)?;
                AccountEvent::Deposited(Deposited {
                    account_id: self.id.clone(),
                    currency: amount.currency(),
                    amount,
                    effective_at: movement.effective_at,
                })
            }
            AccountCommand::Withdraw(movement) => {
                let amount = self.outgoing(movement)?;
                AccountEvent::Withdrawn(Withdrawn {
                    account_id: self.id.clone(),
                    currency: amount.currency(),
                    amount,
                    effective_at: movement.effective_at,
                })
            }
            AccountCommand::Send {
                transfer_id,
                to,
                movement,
            } => self.sent(transfer_id, to, movement)?,
            AccountCommand::Receive {
                transfer_id,
                from,
                movement,
            } => self.received(transfer_id, from, movement)?,
            AccountCommand::Reverse {
                sequence,
                direction,
                movement,
            } => self.reversal(*sequence, *direction, movement)?,
            AccountCommand::Close => self.closing()?,
        };
        Ok(vec![event])
    }

    fn apply(&mut self, event: &AccountEvent) {
        match event {
            AccountEvent::Opened(opened) => {
                self.id.clone_from(&opened.account_id);
                self.owner.clone_from(&opened.owner);
                self.currency = Some(opened.currency);
            }
            AccountEvent::Deposited(Deposited { amount, .. })
            | AccountEvent::TransferReceived(TransferReceived { amount, .. }) => {
                self.balance += signed(*amount);
            }
            AccountEvent::Withdrawn(Withdrawn { amount, .. })
            | AccountEvent::TransferSent(TransferSent { amount, .. }) => {
                self.balance -= signed(*amount);
            }
            AccountEvent::MovementReversed(reversal) => {
                self.balance += match reversal.direction {
                    Direction::In => signed(reversal.amount),
                    Direction::Out => -signed(reversal.amount),
                };
                self.reversed.insert(reversal.sequence);
            }
            AccountEvent::Closed(_) => self.closed = true,
        }
    }

    fn holds(&self) -> Result<(), &'static str> {
        if self.balance < 0 {
            return Err("brings the balance below nothing");
        }
        Ok(())
    }
}
