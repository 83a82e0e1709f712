/// What goes on beside the runs of one configuration: webhooks are told, and keyspaces scanned.
///
/// Another configuration has tasks of its own. Those before them stop as at a shutdown: what they have in hand is
/// finished or left where the next ones find it.
final class BackgroundTasks: Sendable {
    private let senders: [WebhookSender]
    private let indexer: Indexer

    /// Makes the tasks of an engine.
    init(engine: Engine) {
        indexer = Indexer(engine: engine)
        senders = engine.configuration.webhooks.map { WebhookSender(engine: engine, webhook: $0) }
    }

    /// Goes on until ``stop()``; at once, where that came first.
    func run() async {
        await withDiscardingTaskGroup { group in
            for sender in senders { group.addTask { await sender.run() } }
            group.addTask { await self.indexer.run() }
        }
    }

    /// Takes up nothing more.
    func stop() {
        indexer.stop()
        for sender in senders { sender.stop() }
    }

    /// Something has happened to this cleanup elsewhere.
    func wake(_ cleanup: String) {
        indexer.wake(cleanup)
    }
}
