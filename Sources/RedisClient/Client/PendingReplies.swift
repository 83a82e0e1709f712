extension RedisClient {
    /// The replies to commands that were sent.
    package struct PendingReplies: Sendable {
        private enum Source {
            case none
            case node(RedisRequest, RedisNode)
            case cluster(ClusterRequest)
        }

        private let source: Source

        /// The replies to no command.
        static let none = PendingReplies(source: .none)

        /// The replies of one server.
        static func of(_ request: RedisRequest, on node: RedisNode) -> PendingReplies {
            PendingReplies(source: .node(request, node))
        }

        /// The replies of the nodes of a cluster.
        static func of(_ request: ClusterRequest) -> PendingReplies {
            PendingReplies(source: .cluster(request))
        }

        var request: RedisRequest? {
            if case .node(let request, _) = source { request } else { nil }
        }

        var clusterRequest: ClusterRequest? {
            if case .cluster(let request) = source { request } else { nil }
        }

        /// How long the replies took, from socket to socket, once they have arrived; independent of when they are
        /// waited for.
        ///
        /// In a cluster it is the time from the first command sent to the last reply received, without redirected
        /// commands.
        package var elapsed: Duration {
            if case .cluster(let request) = source { return request.elapsed }
            guard let request, let written = request.writtenAt, let finished = request.finishedAt else { return .zero }
            return written.duration(to: finished)
        }

        /// The same without the time before the replies of `others`, which were sent to the same server earlier.
        ///
        /// In a cluster the others are ignored.
        package func elapsed(after others: PendingReplies?) -> Duration {
            guard let finished = request?.finishedAt, let before = others?.request?.finishedAt else { return elapsed }
            return min(elapsed, before.duration(to: finished))
        }

        /// Waits for all replies; see ``RedisClient/pipeline(_:deadline:)``.
        package func replies() async throws(RedisError) -> [RedisValue] {
            switch source {
            case .none: []
            case .node(let request, _): try await request.outcome()
            case .cluster(let request): try await request.outcome().replies
            }
        }

        /// Waits for the reply to a single command; throws an error of the server.
        func onlyReply(to command: RedisCommand) async throws(RedisError) -> RedisValue {
            let reply: RedisValue
            let place: String?
            var hint = ""
            switch source {
            case .none: return .null
            case .node(let request, let node):
                reply = try await request.outcome()[0]
                place = node.place
            case .cluster(let request):
                let answers = try await request.outcome()
                (reply, place) = (answers.replies[0], answers.addresses[0]?.description)
                if reply.error?.code == "CLUSTERDOWN", let gap = request.gap { hint = ": \(gap)" }
            }
            guard let error = reply.error else { return reply }
            if error.code == "CROSSSLOT" {
                hint = " (in a cluster, the keys of one command must have the same text between { and })"
            }
            throw RedisError(
                .server, error.message + hint, command: command.name, address: place, server: error)
        }
    }
}
