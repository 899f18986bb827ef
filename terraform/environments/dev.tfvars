# A project for trying things: it may be deleted with all it holds, and nobody is woken up.

environment = "dev"
region      = "us-central1"

# Your own: a domain that the SMTP account may send for.
mail = { from = "Fanout dev <hello@example.com>" }

deletion_protection = false

overrides = {
  "analytics-service" = { max_instances = 2 }
  "crm-service"       = { max_instances = 2 }
  "email-service"     = { max_instances = 2 }
  "user-service"      = { max_instances = 2 }
}
