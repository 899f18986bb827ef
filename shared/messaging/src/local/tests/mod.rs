//! The broker with real endpoints: each test has its own file and its own servers.

mod dead_letters;
mod durability;
mod endpoint;
mod load;
mod mischief;
mod ordering;
mod publishing;
mod pull;
mod push;
mod query_plans;
mod rest;
mod retries;
mod system;
