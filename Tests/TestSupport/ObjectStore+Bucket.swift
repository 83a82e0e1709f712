package import Curfew
package import Policies
internal import RedisClient

/// The client of a bucket; with short pauses, so that a test of tries takes no time.
package func makeStorage(
    _ endpoint: String, bucket: String, key: ObjectStore.Key = .admin, timeout: Duration = .seconds(60),
    clock: (@Sendable () -> Timestamp)? = nil
) throws -> ObjectStorage {
    guard let address = StorageEndpoint(endpoint) else { throw ChildProcessError("\(endpoint) is no endpoint") }
    let configuration = StorageConfiguration(
        name: "uploads", endpoint: address, bucket: bucket, accessKey: key.id, secretKey: Secret(key.secret),
        timeout: timeout)
    var pace = ObjectStorage.Pace()
    pace.backoff.first = .milliseconds(5)
    guard let clock else { return ObjectStorage(configuration, pace: pace) }
    return ObjectStorage(configuration, pace: pace, clock: clock)
}

/// Makes a bucket of its own on the S3 server that all tests share, as soon as that serves.
package func makeBucket() async throws -> ObjectStorage {
    let store = try await ObjectStore.shared
    let bucket = try makeStorage(store.endpoint, bucket: ObjectStore.bucketName())
    try await eventually("the object store makes a bucket", within: .seconds(90), every: .milliseconds(100)) {
        try store.check()
        do {
            try await bucket.makeBucket()
            return true
        } catch is StorageError {
            return false
        }
    }
    return bucket
}
