internal import Foundation
internal import Glibc
internal import Hummingbird
internal import NIOCore
internal import NIOPosix

/// The threads for HTTP: two for connections, one for unauthenticated requests, two for readers.
///
/// The worker runs on Swift's shared threads, one per core. If requests were answered there too, a flood of requests
/// would take time from cleanups and from the renewal of leases. Here, unauthenticated requests only delay each other:
///
/// - ``connections`` reads bytes and does TLS.
/// - ``door`` checks tokens and answers everything that needs no reading: health checks and refusals. Each takes little
///   time.
/// - ``readers`` builds pages and lists for authenticated requests, so that a slow one doesn't delay health checks.
/// - Runs and undos are the worker's work and run on the shared threads; see ``Limiter``.
///
/// The threads live as long as the process, and all servers of the process share them.
final class HTTPThreads: TaskExecutor {
    static let connections = MultiThreadedEventLoopGroup(numberOfThreads: 2)
    static let door = HTTPThreads(1, "http-door")
    static let readers = HTTPThreads(2, "http-reader")

    private let queue = JobQueue()

    private init(_ count: Int, _ name: String) {
        let (queue, executor) = (queue, asUnownedTaskExecutor())
        for _ in 0..<count {
            let thread = Thread {
                while true { queue.next().runSynchronously(on: executor) }
            }
            thread.name = name
            thread.start()
        }
    }

    func enqueue(_ job: consuming ExecutorJob) {
        queue.add(UnownedJob(job))
    }
}

/// Runs the later handlers on the reader threads.
struct OnReaderThreads: RouterMiddleware {
    @concurrent
    func handle(
        _ request: Request, context: AdminContext, next: @concurrent (Request, AdminContext) async throws -> Response
    ) async throws -> Response {
        try await withTaskExecutorPreference(HTTPThreads.readers) { try await next(request, context) }
    }
}

/// The queue of jobs for a thread.
///
/// A sleeping thread is woken only if there is one: under load all are awake, and adding a job is cheap.
private final class JobQueue: @unchecked Sendable {
    private let lock = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let isFilled = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var jobs = CircularBuffer<UnownedJob>()
    private var sleeping = 0

    init() {
        pthread_mutex_init(lock, nil)
        pthread_cond_init(isFilled, nil)
    }

    func add(_ job: UnownedJob) {
        pthread_mutex_lock(lock)
        jobs.append(job)
        let hasSleeper = sleeping > 0
        pthread_mutex_unlock(lock)
        if hasSleeper { pthread_cond_signal(isFilled) }
    }

    /// The next job; sleeps until there is one.
    func next() -> UnownedJob {
        pthread_mutex_lock(lock)
        defer { pthread_mutex_unlock(lock) }
        while true {
            if let job = jobs.popFirst() { return job }
            sleeping += 1
            pthread_cond_wait(isFilled, lock)
            sleeping -= 1
        }
    }
}
