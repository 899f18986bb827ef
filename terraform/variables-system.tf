# What the system consists of: topics, the services that publish, the consumers that react, their
# images, and the numbers of delivery. The defaults are the system; a consumer is one entry.

variable "consumers" {
  description = "Who reacts to events, by name. The entry `crm` is the Cloud Run service crm-service, its push subscription user-events-crm, and the dead-letter topic and subscription user-events-crm-dead-letters."
  nullable    = false
  type = map(object({
    topic         = optional(string, "user-events")
    filter        = optional(string) # on attributes, for who wants a small part of a large topic
    concurrency   = optional(number, 80)
    cpu           = optional(string, "1")
    env           = optional(map(string), {})
    max_instances = optional(number, 10)
    memory        = optional(string, "256Mi")
    min_instances = optional(number, 0)
    secrets       = optional(map(object({ secret = string, version = optional(string, "latest") })), {})
  }))

  default = {
    analytics = {
      env = { SIGNUP_SHARDS = "16" } # documents that share a day's count, 1 to 64
    }
    crm = {}
    email = {
      secrets = { SMTP_URL = { secret = "smtp-url" } }
    }
  }

  validation {
    condition     = alltrue([for name in keys(var.consumers) : can(regex("^[a-z][a-z0-9-]{0,20}[a-z0-9]$", name))])
    error_message = "A consumer's name must be 2 to 22 lower-case letters, digits and hyphens, start with a letter and not end with a hyphen: NAME-service is the id of a service account, which takes 30."
  }

  validation {
    condition     = alltrue([for consumer in values(var.consumers) : contains(keys(var.topics), consumer.topic)])
    error_message = "A consumer names a topic that is not among the topics: ${join(", ", keys(var.topics))}."
  }
}

variable "delivery" {
  description = "The numbers of delivery. Subscriptions and services get them, and consumers are told the ack deadline, the handler's budget and the lease. modules/event-topic says what Pub/Sub takes; here stand the rules between the numbers."
  type = object({
    ack_deadline_seconds       = optional(number, 60)
    dead_letter_retention_days = optional(number, 31)
    handler_budget_seconds     = optional(number, 45)
    lease_seconds              = optional(number, 60)
    max_delivery_attempts      = optional(number, 20)
    maximum_backoff_seconds    = optional(number, 600)
    minimum_backoff_seconds    = optional(number, 10)
    retention_days             = optional(number, 7)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.delivery.ack_deadline_seconds > var.delivery.handler_budget_seconds
    error_message = "delivery.ack_deadline_seconds must be above delivery.handler_budget_seconds: otherwise Pub/Sub delivers again what a handler is still working on."
  }

  validation {
    condition     = var.delivery.lease_seconds >= var.delivery.ack_deadline_seconds
    error_message = "delivery.lease_seconds must not be below delivery.ack_deadline_seconds: otherwise a second delivery takes the claim from a handler that is still working."
  }

  # Waits double from the minimum to the maximum. A delivery that meets somebody else's claim counts
  # as a failed attempt: a crash must not use up the attempts before its claim has run out.
  validation {
    condition = sum(concat([0], [
      for wait in range(max(0, min(100, floor(var.delivery.max_delivery_attempts)) - 1)) :
      min(var.delivery.maximum_backoff_seconds, var.delivery.minimum_backoff_seconds * pow(2, wait))
    ])) > 10 * var.delivery.lease_seconds
    error_message = "All waits between delivery attempts together must be above ten times delivery.lease_seconds: otherwise a message can become a dead letter while a crashed handler's claim still keeps others away. Raise the attempts or the backoff."
  }

  validation {
    condition     = var.delivery.retention_days + var.delivery.dead_letter_retention_days < local.mark_retention_days
    error_message = "delivery.retention_days + delivery.dead_letter_retention_days must be below ${local.mark_retention_days}, the days for which consumers know what they have done: otherwise a message that is redriven late takes effect twice."
  }
}

variable "images" {
  description = "The container images by service name, each by digest. The pipeline passes what it has built; .ci/cloudbuild/pin-images writes them to images.auto.tfvars.json."
  type        = map(string)
  default     = {}
  nullable    = false

  # There is no placeholder image on purpose: behind a push subscription it would answer 200, and
  # every event it gets would be acked and lost.
  validation {
    condition     = length(setsubtract(concat(keys(var.services), [for name in keys(var.consumers) : "${name}-service"]), keys(var.images))) == 0
    error_message = "No image is given for ${join(", ", setsubtract(concat(keys(var.services), [for name in keys(var.consumers) : "${name}-service"]), keys(var.images)))}. Build and push the images with `gcloud builds submit --config=cloudbuild.yaml` and name them with `.ci/cloudbuild/pin-images`, both from the repository's root; terraform/README.md has the whole order."
  }
}

variable "services" {
  description = "The services that take requests and publish events, by name. `publishes` is the topics they publish on; `outbox_relay` has Cloud Scheduler call POST /outbox/relay each minute."
  nullable    = false
  type = map(object({
    publishes     = set(string)
    outbox_relay  = optional(bool, true)
    concurrency   = optional(number, 80)
    cpu           = optional(string, "1")
    env           = optional(map(string), {})
    max_instances = optional(number, 20)
    memory        = optional(string, "256Mi")
    min_instances = optional(number, 0)
    secrets       = optional(map(object({ secret = string, version = optional(string, "latest") })), {})
  }))

  default = {
    user-service = { publishes = ["user-events"] }
  }

  validation {
    condition     = alltrue([for name in keys(var.services) : can(regex("^[a-z][a-z0-9-]{4,22}[a-z0-9]$", name))])
    error_message = "A service's name must be 6 to 24 lower-case letters, digits and hyphens, start with a letter and not end with a hyphen: relay-NAME is the id of a service account, which takes 30."
  }

  validation {
    condition     = length(setintersection(keys(var.services), [for name in keys(var.consumers) : "${name}-service"])) == 0
    error_message = "services and consumers name the same service: ${join(", ", setintersection(keys(var.services), [for name in keys(var.consumers) : "${name}-service"]))}."
  }

  validation {
    condition     = alltrue(flatten([for service in values(var.services) : [for topic in service.publishes : contains(keys(var.topics), topic)]]))
    error_message = "A service publishes on a topic that is not among the topics: ${join(", ", keys(var.topics))}."
  }
}

variable "topics" {
  description = "The topics events are published on, by short name."
  type        = map(object({}))
  default     = { user-events = {} }
  nullable    = false
}
