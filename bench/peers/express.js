// The least that presigns: Express and the AWS SDK's presigner, in as many processes as imagehost has workers.
import cluster from 'node:cluster'
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import express from 'express'

const { PORT, WORKERS, BUCKET, REGION, ENDPOINT, ACCESS_KEY_ID, SECRET_ACCESS_KEY } = process.env

if (cluster.isPrimary) {
  for (let n = 0; n < Number(WORKERS); n++) cluster.fork()
} else {
  const client = new S3Client({
    region: REGION,
    endpoint: ENDPOINT,
    forcePathStyle: true,
    requestChecksumCalculation: 'WHEN_REQUIRED', // else it signs the checksum of an empty body
    credentials: { accessKeyId: ACCESS_KEY_ID, secretAccessKey: SECRET_ACCESS_KEY },
  })
  const app = express()
  app.use(express.json())
  app.post('/sign', async ({ body: { filename, mime, size } }, res) => {
    const id = crypto.randomUUID()
    const command = new PutObjectCommand({
      Bucket: BUCKET,
      Key: `incoming/${id}/${filename}`,
      ContentType: mime,
      ContentLength: size,
    })
    const url = await getSignedUrl(client, command, { expiresIn: 900, signableHeaders: new Set(['content-type', 'content-length']) })
    res.status(201).json({ id, upload: { method: 'PUT', url, headers: { 'content-type': mime } } })
  })
  app.listen(Number(PORT), '127.0.0.1')
}
