internal import NIOCore
internal import NIOPosix

/// The threads that HTTP has to itself: one for connections, two for what is answered.
///
/// The worker's own work is done on Swift's shared threads, of which there are as many as cores. Were requests answered there
/// too, whoever floods the port would decide how much of them is left for cleanups and for the renewal of leases. Here
/// strangers wait for each other, and for nobody else. What a request sets in motion on purpose, a run or an undo, is the
/// worker's work and goes back to the shared threads; see ``Places``.
///
/// They live as long as the process, however many servers there are in it.
final class HTTPThreads: TaskExecutor {
    /// The only ones.
    static let shared = HTTPThreads()

    /// How many answer requests.
    static let count = 2

    /// Where connections are read and written, and TLS is done.
    let connections = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    private let pool = NIOThreadPool(numberOfThreads: count)

    private init() {
        pool.start()
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        let executor = asUnownedTaskExecutor()
        pool.submit { _ in job.runSynchronously(on: executor) }
    }
}
