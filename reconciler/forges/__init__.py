"""Git forges: a commit's status and one comment on a pull request, at GitHub, GitLab, Gitea and Forgejo."""
