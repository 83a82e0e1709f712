import Foundation
import TestNeeds
import TestSupport
import Testing

extension CommandLineTests {
    @Suite("a server with a name", .tags(.processes))
    struct Names {
        @Test("of a name's addresses those of replicas are passed over, whichever comes first")
        func replica() async throws {
            try await withFolder { folder in
                let port = try freePort()
                let configuration = "redis: redis://redis.test:\(port)\n\(CommandLineScene.cleanups)\n"
                try configuration.write(toFile: "\(folder)/curfew.yaml", atomically: true, encoding: .utf8)
                let script = """
                    cd "$0"; program=$1; port=$2
                    inside="unshare --user --map-root-user --mount"
                    printf '127.0.0.1 redis.test\\n127.0.0.2 redis.test\\n' >hosts
                    # Where nobody may have a file of hosts of their own, there is nothing to be tried.
                    $inside mount --bind hosts /etc/hosts 2>/dev/null || { echo none; exit 0; }
                    server() { ip=127.0.0.$1; shift; redis-cli -h $ip -p $port "$@"; }
                    servers=
                    trap 'kill $servers' EXIT
                    for number in 1 2; do
                        redis-server --port $port --bind 127.0.0.$number --save '' --dbfilename $number.rdb \
                            --repl-diskless-sync-delay 0 >$number.log &
                        servers="$servers $!"
                        until server $number PING 2>/dev/null | grep -q PONG; do :; done
                    done
                    for replica in 1 2; do
                        primary=$((3 - replica))
                        server $primary REPLICAOF NO ONE >/dev/null
                        server $replica REPLICAOF 127.0.0.$primary $port >/dev/null
                        until server $replica INFO replication | grep -q link_status:up; do :; done
                        $inside sh -c 'mount --bind hosts /etc/hosts; exec "$0" run stuck-jobs' "$program" >out 2>&1
                        echo $?
                    done
                    """
                let output = "\(folder)/answer"
                let words = ["sh", "-c", script, folder, try CurfewProgram.path, "\(port)"]
                #expect(try await ChildProcess(words, output: output).wait(atMost: .seconds(60)) == 0)
                let answer = try String(contentsOfFile: output, encoding: .utf8)
                #expect(["none\n", "0\n0\n"].contains(answer), "\(answer)")
            }
        }
    }
}
