# What the system consists of. `collections`, `delivery` and `services` are facts of the code: `fanout
# manifest` writes them into system.auto.tfvars.json, and they stand nowhere else. The rest says which
# part of it is deployed, from which image, and what differs here.

variable "collections" {
  description = "The collections for which Firestore has to be told something: `indexes` with their fields, ascending, or descending where ` desc` follows the name; whether each single field has one as well (`automatic_indexes`); the field with the time from which on a document may be deleted (`expires_by`). Written by `fanout manifest`."
  nullable    = false
  type = map(object({
    automatic_indexes = bool
    expires_by        = optional(string)
    indexes           = list(list(string))
  }))
}

variable "delivery" {
  description = "The numbers of delivery. Subscriptions and services get them, and consumers are told the ack deadline, the handler's budget and the lease. modules/event-topic says what Pub/Sub takes; here stand the rules between the numbers. Written by `fanout manifest`."
  nullable    = false
  type = object({
    ack_deadline_seconds       = number
    dead_letter_retention_days = number
    handler_budget_seconds     = number
    lease_seconds              = number
    mark_retention_days        = number
    max_delivery_attempts      = number
    maximum_backoff_seconds    = number
    minimum_backoff_seconds    = number
    retention_days             = number
  })

  validation {
    condition     = var.delivery.ack_deadline_seconds > var.delivery.handler_budget_seconds
    error_message = "delivery.ack_deadline_seconds must be above delivery.handler_budget_seconds: otherwise Pub/Sub delivers again what a handler is still working on."
  }

  validation {
    condition     = var.delivery.lease_seconds >= var.delivery.ack_deadline_seconds
    error_message = "delivery.lease_seconds must not be below delivery.ack_deadline_seconds: otherwise a second delivery takes the claim from a handler that is still working."
  }

  # Waits double from the minimum to the maximum. A delivery that meets another's claim counts as a
  # failed attempt: a crash must not use up the attempts before its claim has run out.
  validation {
    condition = sum(concat([0], [
      for wait in range(max(0, min(100, floor(var.delivery.max_delivery_attempts)) - 1)) :
      min(var.delivery.maximum_backoff_seconds, var.delivery.minimum_backoff_seconds * pow(2, wait))
    ])) > 10 * var.delivery.lease_seconds
    error_message = "All waits between delivery attempts together must be above ten times delivery.lease_seconds: otherwise a message can become a dead letter while a crashed handler's claim still keeps others away. Raise the attempts or the backoff."
  }

  validation {
    condition     = var.delivery.retention_days + var.delivery.dead_letter_retention_days < var.delivery.mark_retention_days
    error_message = "delivery.retention_days + delivery.dead_letter_retention_days must be below delivery.mark_retention_days, for which consumers know what they have done: otherwise a message that is redriven late takes effect twice."
  }
}

variable "image" {
  description = "The one container image that every service runs, by digest. The pipeline passes what it has built; .ci/cloudbuild/pin-images writes it to image.auto.tfvars.json."
  type        = string
  default     = null

  # There is no placeholder on purpose: behind a push subscription it would answer 200, and every
  # event it gets would be acked and lost.
  validation {
    condition     = var.image != null
    error_message = "No image is given. Build and push it with `gcloud builds submit --config=cloudbuild.yaml` and name it with `.ci/cloudbuild/pin-images`, both from the repository's root; terraform/README.md has the whole order."
  }
}

variable "image_of" {
  description = "Images of single services that stay at, or go back to, another build than the rest, by service and digest."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = length(setsubtract(keys(var.image_of), keys(var.services))) == 0
    error_message = "image_of names ${join(", ", setsubtract(keys(var.image_of), keys(var.services)))}; the services are ${join(", ", keys(var.services))}."
  }
}

variable "overrides" {
  description = "What differs from the table in this environment, by service: instances, concurrency, CPU, memory, further or other variables and secrets, and who may call a private service (`invokers`) besides those that push to it."
  type = map(object({
    concurrency   = optional(number)
    cpu           = optional(string)
    env           = optional(map(string), {})
    invokers      = optional(set(string), [])
    max_instances = optional(number)
    memory        = optional(string)
    min_instances = optional(number, 0)
    secrets       = optional(map(string), {})
  }))
  default  = {}
  nullable = false

  validation {
    condition     = length(setsubtract(keys(var.overrides), keys(var.services))) == 0
    error_message = "overrides names ${join(", ", setsubtract(keys(var.overrides), keys(var.services)))}; the services are ${join(", ", keys(var.services))}."
  }

  validation {
    condition     = alltrue([for member in flatten([for override in values(var.overrides) : tolist(override.invokers)]) : can(regex("^((user|group|serviceAccount):[^@[:space:]]+@|domain:)[^@[:space:]]+$", member))])
    error_message = "invokers in overrides must be identities: user:, group: or serviceAccount: followed by an e-mail address, or domain: and a domain; never allUsers or allAuthenticatedUsers."
  }

  validation {
    condition     = length(try(var.overrides["user-service"].invokers, [])) == 0
    error_message = "Who may call user-service where it is not public is said by user_service_invokers, not in overrides."
  }

  # In a container it has no default: one that took no real money by mistake would ship for nothing.
  validation {
    condition     = !contains(var.systems, try(var.services["payment-service"].system, "none")) || can(var.overrides["payment-service"].env["PAYMENT_PROVIDER"])
    error_message = "payment-service is deployed and does not know who moves the money: say so with overrides = { payment-service = { env = { PAYMENT_PROVIDER = \"stripe\" }, secrets = { STRIPE_SECRET_KEY = \"stripe-secret-key\" } } }, or \"test\" for no money at all; docs/PAYMENTS.md has the rest."
  }
}

variable "services" {
  description = "The table of services, by name: their topics, consumers, secrets and limits. One without a `system` serves all of them. Written by `fanout manifest`."
  nullable    = false
  type = map(object({
    concurrency   = number
    consumer      = optional(string)
    cpu           = string
    env           = map(string)
    filters       = optional(map(string), {})
    max_instances = number
    memory        = string
    public        = bool
    publishes     = list(string)
    secrets       = map(string)
    subscribes    = list(string)
    system        = optional(string)
  }))

  validation {
    condition     = alltrue([for name, service in var.services : name == "user-service" || !service.public])
    error_message = "No other service than user-service can be public."
  }

  validation {
    condition     = alltrue([for service in values(var.services) : (service.consumer == null) == (length(service.subscribes) == 0)])
    error_message = "A service with a consumer must subscribe to a topic, and one without must not."
  }

  validation {
    condition     = alltrue([for consumer in compact(values(var.services)[*].consumer) : can(regex("^[a-z][a-z0-9-]{0,23}[a-z0-9]$", consumer))])
    error_message = "A consumer's name must be 2 to 25 lower-case letters, digits and hyphens, start with a letter and not end with a hyphen: push-NAME is the id of a service account, which takes 30."
  }
}

variable "systems" {
  description = "The systems that are deployed: services of others are left out, and topics that only they use."
  type        = set(string)
  default     = ["sign-up"]
  nullable    = false

  validation {
    condition     = length(setsubtract(var.systems, compact(values(var.services)[*].system))) == 0
    error_message = "systems names ${join(", ", setsubtract(var.systems, compact(values(var.services)[*].system)))}; the systems are ${join(", ", distinct(compact(values(var.services)[*].system)))}."
  }
}
