# How many of what the system consists of: nothing is made twice, and nothing is forgotten. The
# database's indexes are in data.tftest.hcl.

mock_provider "google" {
  source = "./tests/mocks"
}

variables {
  project_id         = "fanout-test"
  project_number     = "123456789012"
  environment        = "test"
  region             = "us-central1"
  mail               = { from = "Fanout <hello@example.com>" }
  notification_email = "on-call@example.com"
  operators          = ["group:operators@example.com"]
  image              = "us-central1-docker.pkg.dev/fanout-test/fanout/service@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
}

run "the_whole_system" {
  command = apply

  assert {
    condition = {
      services      = length(module.service)
      topics        = length(module.topic)
      subscriptions = sum([for topic in values(module.topic) : length(topic.subscriptions)])
      dead_letters  = length(module.dead_letters)
      callers       = length(google_service_account.caller)
      alerts        = length(module.monitoring.alerts)
      channels      = length(module.monitoring.channels)
      } == {
      services      = length([for service in values(var.services) : service if service.system == null ? true : contains(var.systems, service.system)])
      topics        = length(local.topics)
      subscriptions = sum([for consumer in values(local.consumers) : length(consumer.subscribes)])
      dead_letters  = length(local.consumers)
      callers       = 1 + length(local.consumers)
      alerts        = 8
      channels      = 1
    }
    error_message = "The system does not consist of a service for each entry of the table, topics with a subscription for each that a consumer names, dead letters for each consumer, an account that calls for each and for the ticker, and eight alerts."
  }

  # Of each service: may be deployed, reads and writes the database, is called by one identity, and seen by an
  # operator.
  assert {
    condition = { for name, service in module.service : name => { for what, grants in service.grants : what => length(grants) if length(grants) > 0 } if contains(["analytics-service", "crm-service", "email-service", "ticker", "user-service"], name) } == {
      analytics-service = { deployer = 1, firestore = 1, invoker = 1, viewer = 1 }
      crm-service       = { deployer = 1, firestore = 1, invoker = 1, viewer = 1 }
      email-service     = { deployer = 1, firestore = 1, invoker = 1, secret = 1, viewer = 1 }
      ticker            = { deployer = 1, firestore = 1, invoker = 1, viewer = 1 }
      user-service      = { deployer = 1, firestore = 1, viewer = 1 }
    }
    error_message = "A service has another number of grants than it needs."
  }

  assert {
    condition = alltrue([for name, topic in module.topic : { for what, grants in topic.grants : what => length(grants) } == {
      forwarder = length(topic.subscriptions)
      publisher = length([for service in values(local.services) : service if contains(service.publishes, name)])
    }])
    error_message = "A topic has another number of grants than it needs."
  }

  assert {
    condition     = [length(google_service_account_iam_member.push_tokens), length(google_service_account_iam_member.impersonation), length(google_service_account_iam_member.caller_deployer)] == [length(local.consumers), 2 * length(local.consumers), 1 + length(local.consumers)]
    error_message = "The accounts that call can be used by others than Pub/Sub, the operators and the pipeline, or by fewer."
  }
}

# The shop beside it: its topics, and what the sign-up's services hear on them.
run "the_shop_too" {
  command = apply

  variables {
    systems = ["sign-up", "shop"]
    overrides = {
      order-service   = { env = { ORDER_FLOW = "choreographed" } }
      payment-service = { env = { PAYMENT_PROVIDER = "stripe" }, secrets = { STRIPE_SECRET_KEY = "stripe" } }
    }
  }

  assert {
    condition = (
      toset(keys(module.service)) == toset([for name, service in var.services : name if service.system == null ? true : contains(["sign-up", "shop"], service.system)]) &&
      alltrue([for service in ["inventory-service", "order-service", "payment-service", "search-service", "shipping-service"] : contains(keys(module.service), service)])
    )
    error_message = "The shop's services are not those that the table gives it."
  }

  assert {
    condition     = toset(keys(module.topic)) == toset(["inventory-events", "mail-events", "operator-events", "order-events", "payment-events", "shipping-events", "user-events"])
    error_message = "The shop's topics are not there, or others are."
  }

  assert {
    # Posts are of a system that is not.
    condition     = alltrue([for name, consumer in local.consumers : join(" ", consumer.subscribes) == join(" ", [for topic in local.services[consumer.service].subscribes : topic if topic != "post-events"])])
    error_message = "A consumer does not hear all that the table says of what is deployed."
  }

  assert {
    condition = { for env in module.service["payment-service"].service.template[0].containers[0].env : env.name => try(env.value_source[0].secret_key_ref[0].secret, env.value) if contains(["PAYMENT_PROVIDER", "STRIPE_SECRET_KEY"], env.name) } == {
      PAYMENT_PROVIDER = "stripe", STRIPE_SECRET_KEY = "stripe"
    }
    error_message = "payment-service is not told its provider, or is told a secret by its value."
  }

  assert {
    condition     = one([for env in module.service["order-service"].service.template[0].containers[0].env : env.value if env.name == "ORDER_FLOW"]) == "choreographed"
    error_message = "order-service is not told how orders are seen through."
  }

  assert {
    condition     = module.topic["inventory-events"].subscriptions["payment"].filter == "attributes.flow = \"choreographed\"" && module.topic["payment-events"].subscriptions["payment"].filter == null
    error_message = "payment-service hears something else of other services than what is said of choreographed orders, or too little of its own."
  }
}

# Posts and feeds beside the sign-up.
run "the_feed_too" {
  command = apply

  variables {
    systems = ["sign-up", "social"]
  }

  assert {
    condition     = toset(keys(module.service)) == toset([for name, service in var.services : name if contains(["sign-up", "social"], coalesce(service.system, "sign-up"))]) && contains(keys(module.service), "post-service") && contains(keys(module.service), "feed-service")
    error_message = "The services of posts and feeds are not those that the table gives them."
  }

  assert {
    condition     = toset(keys(module.topic)) == toset(["post-events", "user-events"]) && [for consumer in ["feed", "post"] : join(" ", local.consumers[consumer].subscribes)] == ["post-events", "post-events"]
    error_message = "Posts have no topic, or the feed does not hear of them."
  }
}
