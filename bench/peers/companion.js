// Uppy Companion as its README starts it, in as many processes as imagehost has workers; it answers GET /s3/params.
import cluster from 'node:cluster'
import { tmpdir } from 'node:os'
import * as companion from '@uppy/companion'
import express from 'express'

const { PORT, WORKERS, BUCKET, REGION, ENDPOINT, ACCESS_KEY_ID, SECRET_ACCESS_KEY } = process.env

if (cluster.isPrimary) {
  for (let n = 0; n < Number(WORKERS); n++) cluster.fork()
} else {
  const { app } = companion.app({
    secret: SECRET_ACCESS_KEY,
    filePath: tmpdir(),
    corsOrigins: true,
    uploadUrls: [ENDPOINT],
    metrics: false,
    server: { host: `127.0.0.1:${PORT}`, protocol: 'http' },
    s3: {
      key: ACCESS_KEY_ID,
      secret: SECRET_ACCESS_KEY,
      bucket: BUCKET,
      region: REGION,
      endpoint: ENDPOINT,
      forcePathStyle: true,
      getKey: ({ filename }) => `${crypto.randomUUID()}-${filename}`,
    },
  })
  express().use(app).listen(Number(PORT), '127.0.0.1')
}
