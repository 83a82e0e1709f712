/// The parts of an engine, each with what it needs.
extension Engine {
    /// Schedule and leases, for this instance.
    package var coordinator: Coordinator {
        Coordinator(store: store, configuration: configuration, instance: instance)
    }
}

extension History {
    /// Makes the reader on this engine.
    package init(engine: Engine) {
        self.init(redis: engine.redis)
    }
}

extension WebhookSender {
    /// The sender of a webhook of this engine.
    convenience init(engine: Engine, webhook: Webhook) {
        self.init(
            webhook, store: engine.store, consumer: engine.instance.id, prefix: engine.configuration.prefix,
            heartbeat: engine.coordinator.heartbeat)
    }
}
