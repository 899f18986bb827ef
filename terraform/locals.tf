# Names and settings that follow from the maps, each in one place.

locals {
  labels = merge(var.labels, {
    application = "fanout"
    environment = var.environment
    managed-by  = "terraform"
  })

  deployer = var.delivery_account_id == null ? null : "serviceAccount:${var.delivery_account_id}@${var.project_id}.iam.gserviceaccount.com"

  # Everything that a consumer's name decides.
  consumers = {
    for name, consumer in var.consumers : name => merge(consumer, {
      dead_letter_topic = "${consumer.topic}-${name}-dead-letters"
      service           = "${name}-service"
      # A filter can't be changed: another filter is another subscription, by another name.
      subscription = join("-", concat([consumer.topic, name], consumer.filter == null ? [] : [substr(sha256(consumer.filter), 0, 8)]))
    })
  }

  # For how many days a mark remembers an event: the code's own number (Timings::PRODUCTION), here for
  # the rule about redriving late.
  mark_retention_days = 45

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
    # digits, and what shows nothing although it is a letter or a mark (Default_Ignorable_Code_Point).
    never = join("|", [
      "[^ <\"]{65}@[^@]*$", "[^ <>]{255}", "@[^@<]*[^.@<>]{64}[^@<]*$", "[.][0-9]+>?$",
      "[\\x{34f}\\x{115f}\\x{1160}\\x{17b4}\\x{17b5}\\x{180b}-\\x{180f}\\x{3164}\\x{fe00}-\\x{fe0f}\\x{ffa0}\\x{e0100}-\\x{e01ef}][^@<]*$",
    ])
  }

  # What every service is told. PORT comes from Cloud Run itself.
  common_env = {
    EVENT_STORE_TTL_DAYS = tostring(var.event_store_ttl_days)
    FIRESTORE_DATABASE   = google_firestore_database.fanout.name
    GOOGLE_CLOUD_PROJECT = var.project_id
    LOG_FORMAT           = "json"
  }

  # What differs by environment and so can't stand in the map of consumers.
  environment_env = {
    email-service = merge(
      { MAIL_FROM = var.mail.from },
      var.mail.reply_to == null ? {} : { MAIL_REPLY_TO = var.mail.reply_to },
      var.mail.list_unsubscribe == null ? {} : { MAIL_LIST_UNSUBSCRIBE = var.mail.list_unsubscribe },
    )
  }
}
