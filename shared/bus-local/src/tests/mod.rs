//! The broker with real endpoints: each test has its own file and its own servers.

mod dead_letters;
mod deleting;
mod durability;
mod load;
mod mischief;
mod ordering;
mod publishing;
mod pull;
mod push;
mod query_plans;
mod rest;
mod rest_requests;
mod rest_settings;
mod retention;
mod retries;
mod seek;
mod system;
