# What differs between environments. What the system consists of is in variables-system.tf.

variable "alert_thresholds" {
  description = "When somebody is told: unacked messages and outbox rows by age, 5xx answers by ratio, the public service's 95th percentile by milliseconds. A single dead letter always alerts."
  type = object({
    error_ratio            = optional(number, 0.05)
    latency_p95_ms         = optional(number, 1000)
    oldest_outbox_seconds  = optional(number, 60)
    oldest_unacked_seconds = optional(number, 300)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.alert_thresholds.error_ratio > 0 && var.alert_thresholds.error_ratio < 1
    error_message = "alert_thresholds.error_ratio must be between 0 and 1, such as 0.05 for one answer in twenty."
  }

  validation {
    condition     = var.alert_thresholds.latency_p95_ms > 0 && var.alert_thresholds.oldest_outbox_seconds > 0 && var.alert_thresholds.oldest_unacked_seconds > 0
    error_message = "alert_thresholds.latency_p95_ms, oldest_outbox_seconds and oldest_unacked_seconds must be above 0."
  }
}

variable "collector_image" {
  description = "The collector beside each service where telemetry is sidecar, by digest: Google's own build, or another that has its components."
  type        = string
  default     = null

  validation {
    condition     = var.collector_image == null || can(regex("^[^@[:space:]]+@sha256:[0-9a-f]{64}$", var.collector_image))
    error_message = "collector_image must name a container image by its digest (HOST/PATH@sha256:...): a tag can be moved, a plan cannot show it."
  }

  validation {
    condition     = var.telemetry != "sidecar" || var.collector_image != null
    error_message = "telemetry is sidecar, so collector_image is needed. The digest of a version of Google's own build is shown by: gcloud artifacts docker images describe us-docker.pkg.dev/cloud-ops-agents-artifacts/google-cloud-opentelemetry-collector/otelcol-google:VERSION --format='value(image_summary.fully_qualified_digest)'"
  }
}

variable "deletion_protection" {
  description = "Whether services and the database refuse to be deleted. Off only where everything may be lost."
  type        = bool
  default     = true
  nullable    = false
}

variable "delivery_account_id" {
  description = "Id of the service account that Cloud Build deploys with (the bootstrap makes it); null where nobody but a project owner deploys."
  type        = string
  default     = "fanout-delivery"

  validation {
    condition     = var.delivery_account_id == null || can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.delivery_account_id))
    error_message = "delivery_account_id must be a service account's id (6 to 30 lower-case letters, digits and hyphens), without the part from the @ on."
  }
}

variable "environment" {
  description = "Short name of the environment, for labels and for the names of alerts."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,14}$", var.environment))
    error_message = "environment must be a short name such as dev or prod: lower-case letters, digits and hyphens."
  }
}

variable "event_store_ttl_days" {
  description = "For how many days an event is kept after it was published; null for the services' own number. One that waits to be published is kept until it is."
  type        = number
  default     = null

  validation {
    condition     = var.event_store_ttl_days == null ? true : var.event_store_ttl_days >= 1 && var.event_store_ttl_days <= 36500 && floor(var.event_store_ttl_days) == var.event_store_ttl_days
    error_message = "event_store_ttl_days must be a whole number from 1 to 36500."
  }
}

variable "firestore_database" {
  description = "The Firestore database's id. Another id is another, empty database."
  type        = string
  default     = "(default)"
  nullable    = false

  validation {
    condition     = var.firestore_database == "(default)" || (can(regex("^[a-z][a-z0-9-]{2,61}[a-z0-9]$", var.firestore_database)) && !can(regex("^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", var.firestore_database)))
    error_message = "firestore_database must be (default), or 4 to 63 lower-case letters, digits and hyphens that start with a letter, do not end with a hyphen and are no UUID."
  }
}

variable "firestore_location" {
  description = "Where the database is: a region or a multi-region such as eur3 or nam5; null for the services' own region. It can never be changed."
  type        = string
  default     = null

  validation {
    condition     = var.firestore_location == null || can(regex("^([a-z]+-[a-z]+[0-9]{1,2}|eur3|nam5|nam7)$", var.firestore_location))
    error_message = "firestore_location must be a region such as europe-west1, or eur3, nam5 or nam7."
  }
}

variable "labels" {
  description = "Further labels of everything that can carry labels."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for key, value in var.labels : can(regex("^[a-z][a-z0-9_-]{0,62}$", key)) && can(regex("^[a-z0-9_-]{0,63}$", value))])
    error_message = "labels must have keys and values of at most 63 lower-case letters, digits, hyphens and underscores; keys start with a letter."
  }
}

variable "mail" {
  description = "Who the welcome mail comes from, and, if that is somebody else, who gets the answers: addresses such as hello@example.com or `Fanout <hello@example.com>`. `list_unsubscribe` is where somebody says that they want no more: an https: or mailto: address, in which {user_id} stands for the user's id."
  type = object({
    from             = string
    list_unsubscribe = optional(string)
    reply_to         = optional(string)
  })
  nullable = false

  # By lookup, or an error would show the whole grammar.
  validation {
    condition = alltrue([
      for sender in [var.mail.from, var.mail.reply_to] :
      can(regex(lookup(local._grammar, "sender"), sender)) && !can(regex(lookup(local._grammar, "never"), sender)) if sender != null
    ])
    error_message = "mail.from and mail.reply_to must be e-mail addresses with ASCII before the @, such as hello@example.com or Fanout <hello@example.com>.\nIf the name has one of ()[]<>:;@,\\ in it, put the name in double quotes:\n\"Acme, Inc.\" <hello@example.com>. Otherwise email-service would not start."
  }

  # It stands in a header as it is: ASCII, without spaces and angle brackets.
  validation {
    condition     = var.mail.list_unsubscribe == null || can(regex("^(https://[!-;=?-~]{1,780}|mailto:[!-;=?-~]{1,390}@[!-;=?-~]{1,390})$", var.mail.list_unsubscribe))
    error_message = "mail.list_unsubscribe must be an https: or mailto: address, such as https://example.com/unsubscribe/{user_id}."
  }
}

variable "notification_channels" {
  description = "Ids of existing notification channels that alerts go to (projects/.../notificationChannels/...)."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for channel in var.notification_channels : can(regex("^projects/[^/]+/notificationChannels/[^/]+$", channel))])
    error_message = "notification_channels must be full names such as projects/my-project/notificationChannels/123 (gcloud beta monitoring channels list)."
  }
}

variable "notification_email" {
  description = "Address that alerts go to; null for none besides notification_channels."
  type        = string
  default     = null

  validation {
    condition     = var.notification_email == null || (can(regex(lookup(local._grammar, "address"), var.notification_email)) && !can(regex(lookup(local._grammar, "never"), var.notification_email)))
    error_message = "notification_email must be one e-mail address, such as on-call@example.com."
  }
}

variable "operators" {
  description = "Who may list, redrive and discard dead letters, trace, replay and skip events in the database, and see what waits and how services are set up: members such as group:operators@example.com."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for member in var.operators : can(regex("^(user|group|serviceAccount):[^@[:space:]]+@[^@[:space:]]+$", member))])
    error_message = "operators must be identities: user:, group: or serviceAccount: followed by an e-mail address; never allUsers or allAuthenticatedUsers."
  }
}

variable "private_ingress" {
  description = "From where the services that only identities may call can be reached at all. Their callers are checked in any case; INGRESS_TRAFFIC_INTERNAL_ONLY also shuts the door to redriving from a workstation and to the smoke test."
  type        = string
  default     = "INGRESS_TRAFFIC_ALL"
  nullable    = false

  validation {
    condition     = contains(["INGRESS_TRAFFIC_ALL", "INGRESS_TRAFFIC_INTERNAL_ONLY"], var.private_ingress)
    error_message = "private_ingress must be INGRESS_TRAFFIC_ALL or INGRESS_TRAFFIC_INTERNAL_ONLY: Pub/Sub and Cloud Scheduler reach a service by no other way."
  }
}

variable "project_id" {
  description = "The project's id."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project_id))
    error_message = "project_id must be a project's id: 6 to 30 lower-case letters, digits and hyphens, not its display name and not its number."
  }
}

variable "project_number" {
  description = "The project's number, which addresses of services and names of Google's own service agents contain (gcloud projects describe PROJECT_ID --format='value(projectNumber)')."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[1-9][0-9]{5,}$", var.project_number))
    error_message = "project_number must be the project's number, digits only (gcloud projects describe PROJECT_ID --format='value(projectNumber)')."
  }
}

variable "region" {
  description = "Where services run and messages are stored."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^(africa|asia|australia|europe|me|northamerica|southamerica|us)-(central|east|north|northeast|northwest|south|southeast|southwest|west)[1-9][0-9]?$", var.region))
    error_message = "region must be a Google Cloud region such as us-central1 or europe-west1; a zone (us-central1-a) or a multi-region (eu) is none."
  }
}

variable "schemas_url" {
  description = "Where the schemas of events are published: a URL whose scheme and host stand for those that the types name; null for these."
  type        = string
  default     = null

  validation {
    condition     = var.schemas_url == null ? true : can(regex("^https?://[A-Za-z0-9._~:\\[\\]%-][A-Za-z0-9._~:/\\[\\]%-]*$", var.schemas_url))
    error_message = "schemas_url must be a URL without a query, such as https://schemas.example.com."
  }
}

variable "secret_versions" {
  description = "Versions of secrets, by the secret's id. Without one an instance reads the newest version when it starts; with one a new value is a change that a plan shows."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for version in values(var.secret_versions) : can(regex("^([1-9][0-9]*|latest)$", version))])
    error_message = "secret_versions must have version numbers such as \"2\" (gcloud secrets versions list SECRET), or \"latest\"."
  }
}

variable "telemetry" {
  description = "Where traces go: nowhere (off), straight to Google's API of OTLP (direct), or there by a collector beside each service (sidecar: `collector_image`). `trace_ratio` is the part of them that is kept."
  type        = string
  default     = "off"
  nullable    = false

  validation {
    condition     = contains(["off", "direct", "sidecar"], var.telemetry)
    error_message = "telemetry must be off, direct or sidecar."
  }
}

variable "trace_ratio" {
  description = "The part of traces that is kept, from 0 to 1, where telemetry is on: a sign-up has about 16 spans."
  type        = number
  default     = 0.01
  nullable    = false

  validation {
    condition     = var.trace_ratio >= 0 && var.trace_ratio <= 1
    error_message = "trace_ratio must be from 0 to 1, such as 0.01 for one trace in a hundred."
  }
}

variable "user_service_invokers" {
  description = "Who may call user-service where it is not public, such as serviceAccount:front-end@my-project.iam.gserviceaccount.com or group:testers@example.com."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for member in var.user_service_invokers : can(regex("^((user|group|serviceAccount):[^@[:space:]]+@|domain:)[^@[:space:]]+$", member))])
    error_message = "user_service_invokers must be identities: user:, group: or serviceAccount: followed by an e-mail address, or domain: and a domain; everybody may call by user_service_public."
  }
}

variable "user_service_public" {
  description = "Whether everybody may call user-service: sign-up is public. No other service can be opened."
  type        = bool
  default     = true
  nullable    = false
}
