# Names and settings that follow from the table, each in one place.

locals {
  labels = merge(var.labels, {
    application = "fanout"
    environment = var.environment
    managed-by  = "terraform"
  })

  deployer = var.delivery_account_id == null ? null : "serviceAccount:${var.delivery_account_id}@${var.project_id}.iam.gserviceaccount.com"

  # The services that are deployed, as the table has them, with what differs here merged over it.
  services = {
    for name, service in var.services : name => merge(
      service,
      { invokers = [], min_instances = 0 },
      { for what, value in try(var.overrides[name], {}) : what => value if value != null },
      { for what in ["env", "secrets"] : what => merge(service[what], try(var.overrides[name][what], {})) },
    ) if service.system == null ? true : contains(var.systems, service.system)
  }

  # The services that publish on a topic, deployed or not.
  _publishers = {
    for topic in distinct(flatten([for service in values(var.services) : service.publishes if service.system != null])) :
    topic => [for name, service in var.services : name if service.system != null && contains(service.publishes, topic)]
  }

  # A topic is there where a deployed service publishes on it; not where that only answers a service of a
  # system that is not deployed. What serves all systems uses those that are there.
  topics = toset(flatten([
    for name, service in local.services : [
      for topic in service.publishes : topic
      if length(local._publishers[topic]) == 1 || toset([for other, its in local.services : other if contains(its.subscribes, topic)]) != toset([name])
    ] if service.system != null
  ]))

  # A consumer hears several topics at one address, and has one place for its dead letters.
  consumers = {
    for name, service in local.services : service.consumer => {
      dead_letters = "${service.subscribes[0]}-${service.consumer}-dead-letters"
      filters      = service.filters
      service      = name
      subscribes   = [for topic in service.subscribes : topic if contains(local.topics, topic)]
    } if service.consumer != null
  }

  # An address as the services take it (RFC 5321; the domain may be international), but with ASCII before
  # the @: what we send from, or mail ourselves, must work with every mail server.
  _atext   = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]"
  _label   = "[\\p{L}\\p{N}](?:[\\p{L}\\p{M}\\p{N}-]*[\\p{L}\\p{M}\\p{N}])?"
  _address = "${local._atext}+(?:\\.${local._atext}+)*@(?:${local._label}\\.)+${local._label}"
  # A name before it, as RFC 5322 has it: words without punctuation that means something in a header, or
  # anything in double quotes.
  _word = "(?:${local._atext}|[.]|[^\\x00-\\x7f\\p{C}\\p{Z}])+"
  _name = "(?:${local._word}(?: ${local._word})*|\"(?:[^\"\\\\\\p{C}]|\\\\[ -~])+\")"

  _grammar = {
    address = "^${local._address}$"
    sender  = "^(?:${local._name} <${local._address}>|${local._address})$"
    # What neither has: more than 64 bytes before the @ or 254 in all, a label of more than 63, a last one of
    # digits, one with two hyphens where only an A-label has them, what shows nothing although it is a letter
    # or a mark (Default_Ignorable_Code_Point); a name of more than 200 characters, or of none that shows, or
    # with one that is none.
    never = join("|", [
      "[^ <\"]{65}@[^@]*$", "[^ <>]{255}", "@[^@<]*[^.@<>]{64}[^@<]*$", "[.][0-9]+>?$",
      "[@.](?:[^xX@.<>][^@.<>]|[xX][^nN@.<>])--[^@<]*$", "^[^\"].{200,} <", "^\".{201,}\" <",
      "^\"?(?:[\\p{M}\\p{Z}\\x{2800}\\x{fffc}\\x{1d159}\\x{115f}\\x{1160}\\x{3164}\\x{ffa0}]|\\\\ )+\"? <",
      "[\\x{fdd0}-\\x{fdef}\\x{fffe}\\x{ffff}]",
      "[\\x{34f}\\x{115f}\\x{1160}\\x{17b4}\\x{17b5}\\x{180b}-\\x{180f}\\x{3164}\\x{fe00}-\\x{fe0f}\\x{ffa0}\\x{e0100}-\\x{e01ef}][^@<]*$",
    ])
  }

  # What every service is told. PORT comes from Cloud Run itself.
  common_env = merge(
    {
      FIRESTORE_DATABASE   = google_firestore_database.fanout.name
      GOOGLE_CLOUD_PROJECT = var.project_id
      LOG_FORMAT           = "json"
    },
    var.event_store_ttl_days == null ? {} : { EVENT_STORE_TTL_DAYS = tostring(var.event_store_ttl_days) },
    var.schemas_url == null ? {} : { SCHEMAS_URL = var.schemas_url },
    # The same part in all services, or a trace would be kept in pieces.
    var.telemetry == "off" ? {} : {
      OTEL_EXPORTER_OTLP_ENDPOINT = var.telemetry == "direct" ? "https://telemetry.googleapis.com" : "http://localhost:4318"
      OTEL_TRACES_SAMPLER_ARG     = tostring(var.trace_ratio)
    },
  )

  # What a service that is pushed to is told besides.
  consumer_env = {
    # The numbers that the container and its subscriptions must agree on.
    ACK_DEADLINE_SECONDS   = tostring(var.delivery.ack_deadline_seconds)
    HANDLER_BUDGET_SECONDS = tostring(var.delivery.handler_budget_seconds)
    LEASE_SECONDS          = tostring(var.delivery.lease_seconds)
    # Always the edge: Cloud Run checks the token and hands it on without its signature, so no
    # process behind it could check it again.
    PUSH_AUTH = "iam"
  }

  # What differs by environment and so can't stand in the table.
  environment_env = {
    ticker = local.audit_env
    email-service = merge(
      { MAIL_FROM = var.mail.from },
      var.mail.reply_to == null ? {} : { MAIL_REPLY_TO = var.mail.reply_to },
      var.mail.list_unsubscribe == null ? {} : { MAIL_LIST_UNSUBSCRIBE = var.mail.list_unsubscribe },
    )
  }
}
