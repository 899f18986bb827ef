# Where real people sign up.

environment = "prod"
region      = "us-central1"

# Your own: a domain that the SMTP account may send for, and who is told at night.
mail               = { from = "Fanout <hello@example.com>", reply_to = "support@example.com" }
notification_email = "on-call@example.com"
operators          = ["group:fanout-operators@example.com"]

overrides = {
  "user-service" = { min_instances = 1, max_instances = 50 } # no cold start in front of a person
}

# A new SMTP address is a change that a plan shows: add the version, then put its number here.
secret_versions = { smtp-url = "1" }
