/// The background tasks of one configuration: deliveries of notices and keyspace scans.
///
/// Another configuration has its own tasks. The previous ones stop as at a shutdown: they finish their current work or
/// leave it for the next ones.
final class BackgroundTasks: Sendable {
    private let senders: [NoticeSender]
    private let indexer: Indexer

    /// Creates the tasks of an engine.
    init(engine: Engine) {
        indexer = Indexer(engine: engine)
        senders = engine.configuration.receivers.map { NoticeSender(engine: engine, receiver: $0) }
    }

    /// Runs until ``stop()``; returns at once if it was called before.
    func run() async {
        await withDiscardingTaskGroup { group in
            for sender in senders { group.addTask { await sender.run() } }
            group.addTask { await self.indexer.run() }
        }
    }

    /// Starts nothing more.
    func stop() {
        indexer.stop()
        for sender in senders { sender.stop() }
    }

    /// So many living instances have the same configuration, this one included.
    func count(_ mates: Int) {
        indexer.count(mates)
    }

    /// The state of this cleanup was changed by another instance.
    func wake(_ cleanup: String) {
        indexer.wake(cleanup)
    }
}
